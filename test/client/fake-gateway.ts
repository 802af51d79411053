/**
 * Three gateways before one real leader in memory, spoken to in the real messages: what a ClientWorld's tests need of a
 * server. Nothing is delivered until `pump`; time passes only by `pass`.
 */
import type { ConnectionEvents, Dial, Dialler } from '../../client/connection.ts';
import type { Host } from '../../client/world.ts';
import { FrameWriter } from '../../game-logic/frame-write.ts';
import type { TestWorld } from '../../game-logic/index.ts';
import { encodeRows } from '../../game-logic/snapshot.ts';
import { WorldState } from '../../game-logic/state.ts';
import {
  type Answer,
  decodeAct,
  decodeActs,
  encodeAnswer,
  encodeCommands,
  encodeMoveOn,
  encodeSnapshot,
  encodeWelcome,
} from '../../schemas/generated/client.ts';
import { PROTOCOL_VERSION } from '../../schemas/protocol-version.ts';
import { joinBatch } from '../../schemas/support/envelope.ts';

export const URLS = ['ws://eu.test', 'ws://us.test', 'ws://ap.test'];
const REGIONS = ['eu', 'us', 'ap'];

interface Line {
  readonly dial: Dial;
  readonly region: number;
  readonly events: ConnectionEvents;
  readonly session: string;
  next: number;
  open: boolean;
  consented: boolean | null;
}

export class FakeGateways {
  readonly world: TestWorld;
  readonly lines: Line[] = [];
  /** Regions that refuse to be dialled. */
  readonly down = new Set<number>();
  firstHeld = 1;
  now = 1_000;
  schema: string;
  /** Changes the bytes of what is delivered. */
  spoil: ((bytes: Uint8Array) => Uint8Array) | null = null;
  /** What the streams have sent already, for merging what comes next. */
  readonly #streamed: WorldState;
  readonly #writer = new FrameWriter();
  #waiting: (() => void)[] = [];
  #timers: { at: number; run: () => void }[] = [];
  #guests = 0;

  constructor(world: TestWorld) {
    this.world = world;
    this.#streamed = new WorldState(world.state.definition);
    this.schema = world.state.definition.schema.hash;
  }

  get line(): Line {
    const line = this.lines.findLast(({ open }) => open);
    if (!line) throw new Error('nobody is connected');
    return line;
  }

  readonly host: Host = {
    wall: Date.now,
    now: () => this.now,
    random: () => 0.5,
    after: (ms, run) => {
      const timer = { at: this.now + ms, run };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      };
    },
    dial: (dial, events) => this.#dial(dial, events),
  };

  #dial: Dialler = (dial, events) => {
    const region = URLS.indexOf(dial.url);
    const session = dial.token?.replace('token-', '') ?? `guest-${++this.#guests}`;
    const line: Line = { dial, region, events, session, next: 1, open: true, consented: null };
    this.lines.push(line);
    if (this.down.has(region)) this.#later(line, () => this.cut(line, 'connection refused'));
    else this.#later(line, () => this.#welcome(line));
    return {
      send: (type, bytes) => this.#later(line, () => this.#receive(line, type, bytes.slice())),
      ping: () => this.#later(line, () => events.heard()),
      hangUp: (consented) => {
        line.open = false;
        line.consented = consented;
        return Promise.resolve();
      },
    };
  };

  #later(line: Line, run: () => void): void {
    this.#waiting.push(() => {
      if (line.open) run();
    });
  }

  #welcome(line: Line): void {
    const { state } = this.world;
    const { session } = line;
    line.events.message(
      6,
      encodeWelcome({
        protocol: PROTOCOL_VERSION,
        region: REGIONS[line.region]!,
        regions: REGIONS,
        world: 'arena',
        schema: this.schema,
        session,
        // Handed out once, to who came without one.
        token: line.dial.token === null ? `token-${session}` : '',
        number: state.number,
        sequence: state.session(session)?.sequence ?? 0,
      }),
    );
    const { from } = line.dial;
    if (from !== null && from >= this.firstHeld) line.next = from;
    else this.snapshot(line);
    this.stream();
  }

  /** Sends a snapshot, in as many parts as there are rows; what follows goes on from there. */
  snapshot(line: Line): void {
    const { state } = this.world;
    line.next = state.number + 1;
    const { number, born, time, digest, systemDigest } = state;
    const parts = encodeRows(state);
    for (const [part, rows] of parts.entries())
      this.send(
        4,
        encodeSnapshot({
          number,
          born,
          time,
          tables: digest,
          system: systemDigest,
          part,
          parts: parts.length,
          rows,
        }),
        line,
      );
  }

  /** Streams what the world did since. */
  stream(): void {
    const merged = this.#merge();
    for (const line of this.lines) {
      if (line.open && line.dial.stream === 'frames' && merged?.first === line.next) {
        line.next = this.#streamed.number + 1;
        this.send(5, merged.frame, line);
      }
      const batch = this.world.commands.slice(line.next - 1);
      if (!line.open || batch.length === 0) continue;
      const first = line.next;
      line.next += batch.length;
      this.send(2, encodeCommands({ first, last: line.next - 1, batch: joinBatch(batch) }), line);
    }
  }

  #merge(): { readonly first: number; readonly frame: Uint8Array } | null {
    const { number, born: precedent } = this.#streamed;
    const fresh = this.world.commands.slice(number);
    if (fresh.length === 0) return null;
    const runs = fresh.map((bytes) => this.#streamed.apply(bytes, false).changes);
    const first = number + 1;
    return { first, frame: this.#writer.write(first, precedent, runs, this.#streamed) };
  }

  send(type: number, bytes: Uint8Array, line = this.line): void {
    // Colyseus hands over a subarray at an odd offset.
    const frame = new Uint8Array(bytes.length + 2);
    frame.set(this.spoil ? this.spoil(bytes) : bytes, 2);
    this.#later(line, () => line.events.message(type, frame.subarray(2)));
  }

  moveOn(): void {
    this.send(7, encodeMoveOn({ reason: 'draining' }));
  }

  cut(line = this.line, reason = 'cut', refusal?: string): void {
    line.open = false;
    line.events.lost(reason, refusal);
  }

  #receive(line: Line, type: number, bytes: Uint8Array): void {
    const acts = type === 1 ? [decodeAct(bytes)] : decodeActs(bytes).acts;
    for (const { sequence, action, args } of acts) {
      const { session } = line;
      if (!this.world.state.session(session)?.joined) this.world.join(session);
      const origin = { region: line.region, request: sequence };
      const executed = this.world.execute({ kind: 'action', session, sequence, action, args, origin });
      const answer: Answer = {
        sequence,
        outcome: 'issued',
        number: 0,
        duplicate: false,
        result: 'null',
        code: '',
        detail: '',
      };
      // A command is its own answer, where it can be seen.
      if (executed.kind === 'command' && line.dial.stream === 'frames')
        this.send(3, encodeAnswer({ ...answer, number: executed.number, result: executed.result }), line);
      if (executed.kind === 'nothing')
        this.send(
          3,
          encodeAnswer({ ...answer, number: this.world.state.number, result: executed.result }),
          line,
        );
      if (executed.kind === 'duplicate')
        this.send(3, encodeAnswer({ ...answer, ...executed.answer, duplicate: true }), line);
      if (executed.kind === 'refused' || executed.kind === 'failed')
        this.send(
          3,
          encodeAnswer({ ...answer, outcome: executed.kind, code: executed.code, detail: executed.detail }),
          line,
        );
    }
    this.stream();
  }

  /** Delivers everything, and what comes of it, and lets promises settle. */
  async pump(): Promise<void> {
    for (let round = 0; round < 50; round++) {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) next();
      await Promise.resolve();
    }
  }

  /** Loses what is on the way. */
  drop(): void {
    this.#waiting = [];
  }

  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.now = Math.max(this.now, next.at);
      next.run();
      await this.pump();
    }
    this.now = until;
  }
}
