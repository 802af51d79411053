import { storageContract } from './contract.ts';
import { levelPlace } from './level-place.ts';

storageContract('level', levelPlace);
