/**
 * A world of three regions in a few lines, to which a session machine talks over connections that lose everything when
 * they break. It keeps the contract's rules for sequences, and records what was executed: the judge of the tests.
 */
import type { Answer, CompleteSnapshot, Effect, SessionEvent, Welcome } from '../../client/session-types.ts';

export interface Executed {
  readonly number: number;
  readonly sequence: number;
  readonly action: string;
  readonly result: string;
}

type Down = SessionEvent<CompleteSnapshot>;
type Up = { readonly sequence: number; readonly action: string };

interface Connection {
  readonly id: number;
  readonly address: number;
  /** Next command to send; null until the welcome went out. */
  next: number;
  readonly up: Up[];
  readonly down: Down[];
}

/** A command's bytes here: its number. */
const bytesOf = (number: number): Uint8Array => new Uint8Array(new Uint32Array([number]).buffer);
export const numberIn = (bytes: Uint8Array): number => new DataView(bytes.buffer).getUint32(0, true);

export class PretendServers {
  readonly regions: number;
  readonly log: Executed[] = [];
  /** Commands each region has applied. */
  readonly applied: number[];
  /** First number that can still be streamed. */
  firstHeld = 1;
  connection: Connection | null = null;
  /** Answer acts by this code instead of executing them. */
  sulk: string | null = null;

  constructor(regions: number) {
    this.regions = regions;
    this.applied = new Array(regions).fill(0);
  }

  get settledSequence(): number {
    return this.log.reduce((highest, entry) => Math.max(highest, entry.sequence), 0);
  }

  /** Does what an effect asks for; true if it was for a server. */
  take(effect: Effect<CompleteSnapshot>): void {
    if (effect.kind === 'hang-up' && this.connection?.id === effect.connection) this.connection = null;
    if (effect.kind === 'dial') this.#open(effect.connection, effect.address, effect.from);
    if (effect.kind === 'send' && this.connection?.id === effect.connection)
      this.connection.up.push({ sequence: effect.sequence, action: effect.act.action });
    if (effect.kind === 'ping' && this.connection?.id === effect.connection)
      this.connection.down.push({ kind: 'heard', connection: effect.connection });
  }

  #open(id: number, address: number, from: number | null): void {
    const applied = this.applied[address]!;
    const welcome: Welcome = {
      protocol: 1,
      region: `r${address}`,
      regions: ['r0', 'r1', 'r2'].slice(0, this.regions),
      world: 'w',
      schema: 's',
      session: 'me',
      token: 't',
      number: applied,
      sequence: this.settledSequence,
    };
    const down: Down[] = [{ kind: 'welcome', connection: id, welcome }];
    const canResume = from !== null && from >= this.firstHeld;
    if (!canResume) down.push({ kind: 'snapshot', connection: id, snapshot: { number: applied } });
    this.connection = { id, address, next: canResume ? from : applied + 1, up: [], down };
    this.#stream();
  }

  /** A command of nobody here: a tick, another player. */
  tick(): void {
    this.log.push({ number: this.log.length + 1, sequence: 0, action: '$tick', result: 'null' });
  }

  /** Region `address` applies one more command and streams it. */
  apply(address: number): void {
    if (this.applied[address]! < this.log.length) this.applied[address]!++;
    this.#stream();
  }

  #stream(): void {
    const connection = this.connection;
    if (!connection) return;
    while (connection.next <= this.applied[connection.address]!) {
      const number = connection.next++;
      connection.down.push({ kind: 'command', connection: connection.id, number, bytes: bytesOf(number) });
    }
  }

  /** A server that repeats itself. */
  again(back: number): void {
    if (this.connection) this.connection.next = Math.max(1, this.connection.next - back);
    this.#stream();
  }

  /** A slow client is moved to a snapshot. */
  skip(): void {
    const connection = this.connection;
    if (!connection) return;
    const number = this.applied[connection.address]!;
    connection.next = number + 1;
    connection.down.push({ kind: 'snapshot', connection: connection.id, snapshot: { number } });
  }

  /** The server reads one act. */
  read(refuse: boolean): void {
    const connection = this.connection;
    const act = connection?.up.shift();
    if (!connection || !act) return;
    const answer = this.#execute(act, refuse);
    if (answer) connection.down.push({ kind: 'answer', connection: connection.id, answer });
  }

  #execute(act: Up, refuse: boolean): Answer | null {
    const { sequence } = act;
    const answer = { sequence, number: 0, duplicate: false, result: 'null', code: '', detail: '' };
    const before = this.log.find((entry) => entry.sequence === sequence);
    if (before)
      return { ...answer, outcome: 'issued', number: before.number, result: before.result, duplicate: true };
    if (this.sulk === 'unknown') return { ...answer, outcome: 'unknown', code: 'no-quorum' };
    if (this.sulk) return { ...answer, outcome: 'failed', code: this.sulk };
    if (sequence < this.settledSequence) return { ...answer, outcome: 'failed', code: 'out-of-order' };
    if (refuse) return { ...answer, outcome: 'refused', code: 'not-now' };
    const number = this.log.length + 1;
    this.log.push({ number, sequence, action: act.action, result: JSON.stringify(act.action) });
    // Every other answer is left to the command itself.
    return number % 2 === 0
      ? { ...answer, outcome: 'issued', number, result: JSON.stringify(act.action) }
      : null;
  }

  /** The next message reaches the client. */
  deliver(): Down | undefined {
    return this.connection?.down.shift();
  }

  /** The wire breaks; what was on it is lost. */
  cut(): Down | null {
    const connection = this.connection;
    this.connection = null;
    return connection && { kind: 'lost', connection: connection.id, reason: 'cut' };
  }
}
