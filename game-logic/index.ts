/** What a game's author imports: `throughline/game-logic`. */
export type {
  ActionName,
  ArgsOf,
  DraftOf,
  FunctionContext,
  Functions,
  InputOf,
  Named,
  RowOf,
  TableName,
  TimerContext,
  WritableTable,
} from './context.ts';
export { defineWorld, type World } from './define-world.ts';
export { DefinitionError, Failed, MirrorError, Refused, StateError, type StateErrorCode } from './errors.ts';
export type { Json } from './json.ts';
export { TestWorld, type TestWorldOptions } from './test-world.ts';
export type { Applied, RowChange, TableReader, WorldDefinition } from './types.ts';
export { arena } from './worlds/arena/index.ts';
export { worlds } from './worlds/index.ts';
export { warehouse } from './worlds/warehouse/index.ts';
