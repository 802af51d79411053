/** The worlds that ship, by name; `serve --worlds` and the SDK's tools look them up here. */
import type { WorldDefinition } from '../types.ts';
import { warehouse } from './warehouse/index.ts';

export const worlds: ReadonlyMap<string, WorldDefinition> = new Map([[warehouse.name, warehouse]]);
