import type { Socket } from 'node:net';
import { LINK_HANDSHAKE_BYTES, LINK_RETRY_FIRST_MS, LINK_RETRY_MOST_MS } from '../limits.ts';
import type { Received } from './codec.ts';
import type { Frame } from './frames.ts';
import { type Greeted, Greeting } from './greeting.ts';
import { Handshake, type Identity } from './handshake.ts';
import { type Faults, Link, type LinkBounds } from './link.ts';
import { Wire } from './wire.ts';

/** What a log must take; pino's logger does. */
export interface LinkLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

interface LogFields {
  readonly code: string;
  readonly detail?: string;
  readonly queued?: number;
  readonly saidBy?: string;
}

export interface PeerOptions {
  readonly self: number;
  readonly device: number;
  readonly identity: Identity;
  readonly bounds: LinkBounds;
  readonly handshakeMs: number;
  /** Begins a connection to the peer's address. */
  readonly connect: () => Socket;
  /** Null: it is no business of this thread any more. */
  readonly decode: (bytes: Uint8Array) => Received | null;
  readonly deliver: (received: Received) => void;
  readonly link: (up: boolean) => void;
  readonly note: (text: string) => void;
  readonly silent: (silent: boolean) => void;
  readonly log: LinkLog;
}

/**
 * One peer: at most one link, made by whoever dials first.
 *
 * Both sides dial while they have no link, so that a restarted process is back at once, whichever it is. Where two
 * connections meet, both sides keep the one that the region later in the order dialled, and of two from one dialler
 * the newer; the other is read to its end and closed. They seldom meet: the earlier region waits a little before it
 * dials, and the later one refuses a handshake while it is in one of its own with the same region.
 */
export class Peer {
  readonly #options: PeerOptions;
  readonly #name: string;
  readonly #faults: Faults = { cut: false, delayMs: 0 };
  #link: Link | null = null;
  /** Replaced connections that are read to their end. */
  readonly #retired = new Set<Link>();
  /** What the host was told last. */
  #up = false;
  #silent = false;
  #attempts = 0;
  #timer: NodeJS.Timeout | null = null;
  #greeting: Greeting | null = null;
  #closed = false;
  #dropped = 0;
  /** The last reason logged, so that a peer that stays away is one line and not one a second. */
  #said = '';

  constructor(options: PeerOptions) {
    this.#options = options;
    this.#name = options.identity.regions[options.device] ?? '';
  }

  get connected(): boolean {
    return this.#up;
  }
  get rttMs(): number | null {
    return this.#link?.rttMs ?? null;
  }
  get leastRttMs(): number {
    return this.#link?.leastRttMs ?? 0;
  }
  get dropped(): number {
    return this.#dropped + (this.#link?.dropped ?? 0);
  }
  get cut(): boolean {
    return this.#faults.cut;
  }
  /** Whether it is worth encoding a message for this peer. */
  get reachable(): boolean {
    return this.#link !== null && !this.#faults.cut;
  }

  start(): void {
    this.#dialSoon();
  }

  /** One encoded message in its parts. */
  send(parts: readonly Uint8Array[]): void {
    if (this.#link === null || this.#link.send(parts)) return;
    const { queued } = this.#link;
    this.#say('warn', { code: 'dropped', queued }, 'messages to a peer are dropped: its queue is full');
  }

  /** What it sent cannot be read. */
  reject(reason: string): void {
    this.#link?.fail(reason);
  }

  note(text: string): void {
    this.#link?.note(text);
  }

  setCut(cut: boolean): void {
    if (cut === this.#faults.cut) return;
    this.#faults.cut = cut;
    if (cut) {
      this.#greeting?.abort('cut off');
      return;
    }
    // What happened to the connection meanwhile is told now.
    this.#tell();
    if (this.#link === null) this.#redial(0);
  }

  setDelay(ms: number): void {
    this.#faults.delayMs = Math.max(0, ms);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#link?.finish();
    this.#link = null;
    for (const link of this.#retired) link.finish();
    this.#retired.clear();
    this.#greeting?.abort('closing');
  }

  /** In a handshake that this region began, as the one of the two that dials. */
  get dialling(): boolean {
    const { self, device } = this.#options;
    return self > device && this.#greeting?.answered === true;
  }

  /** A connection that the peer dialled, and on which both sides proved themselves. */
  accepted(wire: Wire, first: Frame | null): void {
    this.#adopt(wire, this.#options.device, first);
  }

  refused(result: Greeted): void {
    if (result.kind === 'done' || (result.kind === 'rejected' && result.code === 'busy')) return;
    const fields =
      result.kind === 'broken'
        ? { code: 'broken', detail: result.reason }
        : { code: result.code, detail: result.detail, saidBy: result.heard ? this.#name : 'this region' };
    const misconfigured = result.kind === 'rejected';
    this.#say(misconfigured ? 'warn' : 'info', fields, `no link to ${this.#name}: ${fields.detail}`);
  }

  #adopt(wire: Wire, dialler: number, first: Frame | null): void {
    const { self, device, bounds, decode, deliver, note } = this.#options;
    if (this.#closed || this.#faults.cut) {
      wire.close();
      return;
    }
    const before = this.#link;
    const link: Link = new Link(wire, dialler, this.#faults, bounds, {
      decode,
      deliver,
      note,
      silent: (silent) => {
        if (this.#link === link) this.#tellSilent(silent);
      },
      down: (reason) => this.#down(link, reason),
    });
    const stays = before !== null && before.dialler !== dialler && before.dialler === Math.max(self, device);
    const leaving = stays ? link : before;
    if (leaving !== null) {
      this.#retired.add(leaving);
      leaving.retire();
    }
    if (stays) {
      if (first !== null) link.frame(first);
      return;
    }
    this.#link = link;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#say('info', { code: 'up' }, `linked to ${this.#name}`);
    this.#tell();
    this.#tellSilent(false);
    if (first !== null) link.frame(first);
  }

  #down(link: Link, reason: string): void {
    this.#dropped += link.dropped;
    if (this.#retired.delete(link) || this.#link !== link) return;
    this.#link = null;
    this.#say('info', { code: 'down', detail: reason }, `link to ${this.#name} is down: ${reason}`);
    // A link that lived begins the count anew; one that dies at once is not dialled faster and faster.
    if (performance.now() - link.since >= LINK_RETRY_MOST_MS) this.#attempts = 0;
    this.#tell();
    // A cut does not tell that a link went, but that nothing comes any more.
    if (this.#faults.cut) this.#tellSilent(true);
    this.#dialSoon();
  }

  #tell(): void {
    const up = this.#link !== null;
    if (up === this.#up || this.#faults.cut || this.#closed) return;
    this.#up = up;
    this.#silent = false;
    this.#options.link(up);
  }

  #tellSilent(silent: boolean): void {
    if (silent === this.#silent || !this.#up || this.#closed) return;
    this.#silent = silent;
    this.#options.silent(silent);
  }

  #dialSoon(): void {
    const { self, device } = this.#options;
    const exponential = Math.min(LINK_RETRY_MOST_MS, LINK_RETRY_FIRST_MS * 2 ** this.#attempts);
    const jittered = exponential * (0.5 + Math.random() / 2);
    this.#redial(this.#attempts === 0 && self < device ? jittered + 2 * LINK_RETRY_FIRST_MS : jittered);
  }

  #redial(delayMs: number): void {
    if (this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#dial(), delayMs);
  }

  #dial(): void {
    this.#timer = null;
    const { identity, connect, handshakeMs, self } = this.#options;
    if (this.#closed || this.#link !== null || this.#greeting !== null || this.#faults.cut) return;
    this.#attempts++;
    const wire = new Wire(connect(), LINK_HANDSHAKE_BYTES);
    const settled = (result: Greeted, first: Frame | null): void => {
      this.#greeting = null;
      if (result.kind === 'done') this.#adopt(wire, self, first);
      else this.refused(result);
      if (this.#link === null && !this.#faults.cut) this.#dialSoon();
    };
    this.#greeting = new Greeting({
      wire,
      handshake: new Handshake(identity, 'dialler', this.#name),
      role: 'dialler',
      deadlineMs: handshakeMs,
      mute: () => this.#faults.cut,
      settled,
    });
  }

  #say(level: 'info' | 'warn', fields: LogFields, message: string): void {
    const said = `${fields.code} ${fields.detail ?? ''}`;
    if (said === this.#said || this.#closed) return;
    this.#said = said;
    this.#options.log[level]({ event: 'link', peer: this.#name, ...fields }, message);
  }
}
