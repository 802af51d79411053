/**
 * Many players of one game in one process: each moves at fixed times, whether or not anybody keeps up, and is sent everything that all do. Only a
 * few of them look when their own move comes back; the others count bytes. The time of a move begins when it was meant to be sent.
 */
import { Histogram, type HistogramData } from '../../../bots/histogram.ts';
import { arenaSchema } from '../../../schemas/generated/arena.ts';
import { decodeAnswer, decodeAnswers, encodeAct } from '../../../schemas/generated/client.ts';
import { lastNumber } from './last-number.ts';
import type { Endpoint } from './line.ts';
import {
  joinRoom,
  type RawWebSocket,
  ROOM_DATA_BYTES,
  ROOM_STATE_PATCH,
  type SocketEvents,
} from './web-socket.ts';

export interface PlayersOrder {
  readonly game: 'arena' | 'schema-room';
  readonly endpoints: readonly Endpoint[];
  readonly players: number;
  readonly perSecond: number;
  /** `commands` or `frames`; nothing in a Schema room. */
  readonly stream: string;
}

export interface PlayersReport {
  /** From the time meant for sending to the arrival of what shows it; of those who look, since the last report. */
  readonly seen: HistogramData;
  readonly sent: number;
  readonly refused: number;
  /** Moves of those who look that were sent and not seen yet. */
  readonly open: number;
  readonly bytes: number;
  readonly closed: number;
  readonly cpuSeconds: number;
}

const LOOKING = 40;
const AT_ONCE = 8;
const ACT = 1;
const COMMANDS = 2;
const ANSWER = 3;
const FRAME = 5;
const ANSWERS = 9;
const HEADER = 2;
/** A step, in metres; there and back, so that nobody ends at a wall. */
const STEP = 0.05;

const totals = { seen: new Histogram(), sent: 0, refused: 0, bytes: 0, closed: 0 };

abstract class Player {
  protected socket: RawWebSocket | null = null;
  protected readonly looks: boolean;

  constructor(looks: boolean) {
    this.looks = looks;
  }

  async join(endpoint: Endpoint, room: string, options: object): Promise<void> {
    const events: SocketEvents = {
      frame: (payload) => {
        if (this.looks) this.frame(payload);
      },
      bytes: (count) => {
        totals.bytes += count;
      },
      closed: () => {
        totals.closed += 1;
      },
    };
    this.socket = await joinRoom(endpoint, room, options, events);
  }

  /** `due`: when this was meant to happen, by performance.now(). */
  abstract move(due: number): void;
  abstract get open(): number;
  protected abstract frame(payload: Buffer): void;

  protected send(type: number, message: Uint8Array): void {
    const bytes = new Uint8Array(HEADER + message.length);
    bytes[0] = ROOM_DATA_BYTES;
    bytes[1] = type;
    bytes.set(message, HEADER);
    this.socket?.send(bytes);
    totals.sent += 1;
  }
}

const STEPS = [STEP, -STEP].map((dx) => arenaSchema.actions.move.encode({ dx, dy: 0 }));

const NO_OPPONENTS = arenaSchema.actions.opponents.encode({ count: 0 });

/** A move is seen when its answer named its number and the stream has reached it. */
class ArenaPlayer extends Player {
  #sequence = 0;
  #last = 0;
  readonly #sent = new Map<number, number>();
  /** Answered, not yet streamed: number and time. */
  #answered: { readonly number: number; readonly due: number }[] = [];

  get open(): number {
    return this.#sent.size + this.#answered.length;
  }

  /** The Schema room has none, either. */
  withoutOpponents(): void {
    this.send(ACT, encodeAct({ sequence: ++this.#sequence, action: 'opponents', args: NO_OPPONENTS }));
  }

  move(due: number): void {
    const sequence = ++this.#sequence;
    if (this.looks) this.#sent.set(sequence, due);
    this.send(ACT, encodeAct({ sequence, action: 'move', args: STEPS[sequence % 2]! }));
  }

  protected frame(payload: Buffer): void {
    if (payload[0] !== ROOM_DATA_BYTES) return;
    const type = payload[1];
    if (type === COMMANDS || type === FRAME) this.#last = lastNumber(payload, HEADER);
    else if (type === ANSWER) this.#note(decodeAnswer(new Uint8Array(payload.subarray(HEADER)), false, true));
    else if (type === ANSWERS)
      for (const one of decodeAnswers(new Uint8Array(payload.subarray(HEADER)), false, true).answers)
        this.#note(one);
    else return;
    const now = performance.now();
    this.#answered = this.#answered.filter(({ number, due }) => {
      if (number > this.#last) return true;
      totals.seen.record(now - due);
      return false;
    });
  }

  #note(answer: ReturnType<typeof decodeAnswer>): void {
    const due = this.#sent.get(answer.sequence);
    this.#sent.delete(answer.sequence);
    if (answer.outcome !== 'issued') totals.refused += 1;
    else if (due !== undefined) this.#answered.push({ number: answer.number, due });
  }
}

/** In the Schema room a move writes a number that nobody else writes; it is seen when a patch holds its bytes. */
class SchemaPlayer extends Player {
  static #marker = 1_000_000;
  readonly #sent: { readonly bytes: Buffer; readonly due: number }[] = [];

  get open(): number {
    return this.#sent.length;
  }

  move(due: number): void {
    const bytes = Buffer.alloc(8);
    // Whole numbers below 2^24 are exact in 32 bits.
    SchemaPlayer.#marker = (SchemaPlayer.#marker % 0xff_ffff) + 1;
    bytes.writeFloatLE(SchemaPlayer.#marker, 0);
    bytes.writeFloatLE(STEP, 4);
    if (this.looks) this.#sent.push({ bytes: bytes.subarray(0, 4), due });
    this.send(ACT, bytes);
  }

  protected frame(payload: Buffer): void {
    if (payload[0] !== ROOM_STATE_PATCH) return;
    const now = performance.now();
    // A patch holds the last value only: those before it were shown by it, too.
    for (let last = this.#sent.length - 1; last >= 0; last--) {
      if (payload.indexOf(this.#sent[last]!.bytes) === -1) continue;
      for (const { due } of this.#sent.splice(0, last + 1)) totals.seen.record(now - due);
      return;
    }
  }
}

/** A player's moves are due at its own phase of the period. */
function keepMoving(players: readonly Player[], perSecond: number): void {
  const period = 1_000 / perSecond;
  const gap = period / players.length;
  const from = performance.now();
  let next = 0;
  setInterval(() => {
    const now = performance.now();
    for (let due = from + next * gap; due <= now; due = from + next * gap) {
      players[next % players.length]!.move(due);
      next += 1;
    }
  }, 1);
}

async function run(order: PlayersOrder): Promise<void> {
  const { endpoints, stream } = order;
  const ours = order.game === 'arena';
  const options = ours ? { world: 'arena', stream } : {};
  const players: Player[] = [];
  // Those who look are spread over all, and so over the endpoints: the step has no factor in common with three.
  const each = Math.max(1, Math.floor(order.players / LOOKING));
  for (let done = 0; done < order.players; done += AT_ONCE) {
    const few = Array.from({ length: Math.min(AT_ONCE, order.players - done) }, (_, i) => done + i);
    await Promise.all(
      few.map(async (index) => {
        const player = new (ours ? ArenaPlayer : SchemaPlayer)(index % each === 0);
        await player.join(
          endpoints[(index + Math.floor(index / each)) % endpoints.length]!,
          ours ? 'world' : 'room',
          options,
        );
        players.push(player);
      }),
    );
  }
  if (players[0] instanceof ArenaPlayer) players[0].withoutOpponents();
  keepMoving(players, order.perSecond);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const open = players.reduce((sum, player) => sum + player.open, 0);
    const cpuSeconds = (user + system) / 1e6;
    const report: PlayersReport = { ...totals, seen: totals.seen.data(), open, cpuSeconds };
    totals.seen = new Histogram();
    process.send?.(report);
  });
  process.send?.('playing');
}

process.once('disconnect', () => process.exit(0));
process.once('message', (order: PlayersOrder) => {
  run(order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
