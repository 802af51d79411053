/** A load that was: the acts of a record, or of a slice of a world's own sequence, to be done again. Pure. */
import type { CommandJson } from '../../game-logic/to-json.ts';
import type { WorldDefinition } from '../../game-logic/types.ts';
import { checkHeader, isHeader, parseAct, type RecordedAct } from './record-file.ts';
import { canReplay, Retracer } from './retrace.ts';

/** Acts at most; each takes about 200 bytes here and as much again on its way to the worker that does it. */
export const REPLAY_AT_MOST = 500_000;
/** All are there before the first act: 200 come in a second. */
const COME_PER_SECOND = 200;
const COME_LEAST_MS = 1_000;
/** After the last act. */
const TAIL_MS = 500;

export interface Slice {
  /** Commands by number, or acts of a record by their place from 1. */
  readonly from: number;
  readonly to: number;
  readonly speed: number;
}

export interface Replay {
  readonly players: number;
  readonly seconds: number;
  /** When all are there and the first act comes, milliseconds after the start. */
  readonly startsAt: number;
  /** By player; times in milliseconds after the start. */
  readonly acts: readonly (readonly RecordedAct[])[];
  readonly words: string;
}

/** Takes lines of either kind one by one. */
export class ReplayReader {
  readonly #world: string;
  readonly #definition: WorldDefinition;
  readonly #slice: Slice;
  readonly #tables: ConstructorParameters<typeof Retracer>[1];
  #kind: 'record' | 'commands' | null = null;
  #retracer: Retracer;
  #place = 0;
  readonly #acts: RecordedAct[] = [];
  readonly #players = new Map<string | number, number>();
  #madeUp = 0;
  #leftOut = 0;

  /** `tables`: the world's before the first command, where that is known. */
  constructor(definition: WorldDefinition, slice: Slice, tables?: ConstructorParameters<typeof Retracer>[1]) {
    this.#world = definition.name;
    this.#definition = definition;
    this.#slice = slice;
    this.#tables = tables;
    this.#retracer = new Retracer(this.#world, this.#tables);
  }

  /** One line, parsed. Throws an Error with words for the user. */
  take(value: unknown): void {
    if (this.#kind === null) {
      this.#kind = isHeader(value) ? 'record' : 'commands';
      if (this.#kind === 'record') {
        checkHeader(value, this.#world);
        return;
      }
    }
    if (this.#kind === 'record') this.#act(parseAct(value));
    else this.#command(asCommand(value));
    if (this.#acts.length > REPLAY_AT_MOST)
      throw new Error(`more than ${REPLAY_AT_MOST} acts: take a part with --from and --to`);
  }

  /** Throws an Error where there is nothing to do. */
  replay(): Replay {
    const { speed } = this.#slice;
    const sorted = this.#acts.toSorted((a, b) => a.at - b.at);
    const [first] = sorted;
    const last = sorted.at(-1);
    if (first === undefined || last === undefined) throw new Error('no act of a player is in it');
    const players = this.#players.size;
    const startsAt = Math.max(COME_LEAST_MS, (players / COME_PER_SECOND) * 1_000);
    const acts: RecordedAct[][] = Array.from({ length: players }, () => []);
    for (const act of sorted) acts[act.who]?.push({ ...act, at: startsAt + (act.at - first.at) / speed });
    const seconds = (startsAt + (last.at - first.at) / speed + TAIL_MS) / 1_000;
    return { players, seconds, startsAt, acts, words: this.#words() };
  }

  #words(): string {
    const { speed } = this.#slice;
    const what = this.#kind === 'record' ? 'a record' : 'a sequence';
    const times = speed === 1 ? '' : ` at ${speed} times the speed`;
    const madeUp = this.#madeUp === 0 ? '' : `, arguments of ${this.#madeUp} made up`;
    const leftOut = this.#leftOut === 0 ? '' : `, ${this.#leftOut} commands of players left out`;
    return `replay of ${this.#acts.length} acts of ${what}${times}${madeUp}${leftOut}`;
  }

  #act(act: RecordedAct): void {
    this.#place += 1;
    if (!canReplay(this.#world, act.action)) throw new Error(`'${act.action}' cannot be replayed`);
    if (this.#place < this.#slice.from || this.#place > this.#slice.to) return;
    this.#keep(act.who, act);
  }

  #command(command: CommandJson): void {
    const { number, session, action, time } = command;
    if (number > this.#slice.to) return;
    const asked = this.#retracer.take(command);
    if (number < this.#slice.from || session === null || action.startsWith('$')) return;
    if (asked === null) {
      this.#leftOut += 1;
      return;
    }
    this.#madeUp += asked.madeUp ? 1 : 0;
    this.#keep(session, { at: time, who: 0, action, args: asked.args });
  }

  #keep(player: string | number, act: RecordedAct): void {
    // What the world's own codec does not take is told now, not by a worker in the middle of the run.
    this.#definition.schema.actions[act.action]?.encode(act.args);
    const who = this.#players.get(player) ?? this.#players.size;
    this.#players.set(player, who);
    this.#acts.push({ ...act, who });
  }
}

function asCommand(value: unknown): CommandJson {
  const { number, session, action, time, changes } = (value ?? {}) as Partial<CommandJson>;
  const sound =
    Number.isSafeInteger(number) &&
    (session === null || typeof session === 'string') &&
    typeof action === 'string' &&
    typeof time === 'number' &&
    Array.isArray(changes);
  if (!sound) throw new Error('neither a record of bots nor a command as `throughline commands` shows them');
  return value as CommandJson;
}
