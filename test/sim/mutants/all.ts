import { CONSENSUS, LITERAL } from './consensus.ts';
import type { Mutant } from './hunt.ts';
import { REST } from './rest.ts';
import { EXACTLY_ONCE, LEADER, RESUME } from './world.ts';
import { YARD } from './yard.ts';

/** Every way of breaking the production code that the simulator must notice. */
export const MUTANTS: readonly Mutant[] = [
  ...LITERAL,
  ...CONSENSUS,
  ...REST,
  ...LEADER,
  ...EXACTLY_ONCE,
  ...RESUME,
  ...YARD,
];
