/** The worlds that ship, by name; `serve --worlds` and the SDK's tools look them up here. */
import type { WorldDefinition } from '../types.ts';
import { arena } from './arena/index.ts';
import { warehouse } from './warehouse/index.ts';

export const worlds: ReadonlyMap<string, WorldDefinition> = new Map<string, WorldDefinition>([
  [arena.name, arena],
  [warehouse.name, warehouse],
]);
