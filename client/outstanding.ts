/**
 * The acts of a session that are not settled yet, in the order of their sequences. Pure: the session machine asks what
 * to send and is told what became of each.
 */
import { BACK_PRESSURE, isDefinite, passes } from './codes.ts';
import type { ClientLimits } from './limits.ts';
import { retryPause } from './patience.ts';
import type { Act, Answer, Settlement } from './session-types.ts';

export interface Settled {
  readonly ticket: number;
  readonly settlement: Settlement;
}

interface Entry {
  readonly ticket: number;
  /** Given when it is sent for the first time, and kept; 0 until then. */
  sequence: number;
  readonly act: Act;
  readonly deadline: number;
  /** Sent over the connection of now and not answered by "try again". */
  onWire: boolean;
  /** Sent over any connection: from then on it may have had an effect. */
  everSent: boolean;
  /** An earlier copy of it may still have an effect, so a no without a look at it settles nothing. */
  doubtful: boolean;
  /** First sent over the connection of now; null if not yet. */
  sentAt: number | null;
  /** Not to be sent again before. */
  retryAt: number;
  /** How often a server said "try again". */
  retries: number;
  /** Answered, but the command that the answer speaks of is not applied here yet. */
  issued: { readonly number: number; readonly result: string } | null;
}

export class Outstanding {
  readonly #limits: ClientLimits;
  #entries: Entry[] = [];
  #next = 1;
  /** When the oldest act was sent, over the connection of now, whose time ran out there; null: none, or one was decided since. */
  #overdue: number | null = null;

  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Sequences up to `sequence` belong to the past: another client of this session used them. */
  skipTo(sequence: number): void {
    this.#next = Math.max(this.#next, sequence + 1);
  }

  /** Takes an act in; null, or why not. */
  add(ticket: number, act: Act, deadline: number): Settlement | null {
    if (this.#entries.length >= this.#limits.outstanding + this.#limits.queued) {
      const detail = `${this.#entries.length} acts are waiting for an answer already`;
      return { kind: 'unavailable', code: 'overloaded', detail };
    }
    this.#entries.push({
      ticket,
      sequence: 0,
      act,
      deadline,
      onWire: false,
      everSent: false,
      doubtful: false,
      sentAt: null,
      retryAt: 0,
      retries: 0,
      issued: null,
    });
    return null;
  }

  /** What to send now, in order. An act that waits for its retry holds up those behind it: order is kept. */
  send(now: number): { readonly sequence: number; readonly act: Act }[] {
    const out: { sequence: number; act: Act }[] = [];
    let onWire = 0;
    for (const entry of this.#entries) {
      if (entry.issued) continue;
      if (!entry.onWire) {
        if (entry.retryAt > now) break;
        if (onWire >= this.#limits.outstanding) break;
        if (entry.sequence === 0) entry.sequence = this.#next++;
        entry.onWire = true;
        entry.everSent = true;
        entry.sentAt ??= now;
        out.push({ sequence: entry.sequence, act: entry.act });
      }
      onWire++;
    }
    return out;
  }

  /** The connection is gone: everything unanswered is to be sent again over the next one. */
  disconnected(): void {
    this.#overdue = null;
    for (const entry of this.#entries) {
      entry.doubtful ||= entry.everSent;
      entry.onWire = false;
      entry.sentAt = null;
      entry.retryAt = 0;
    }
  }

  /** A server's answer. `applied` is the last command applied here: an answer waits until its command is. */
  answer(answer: Answer, applied: number, moment: { now: number; random: number }): Settled | null {
    const entry = this.#entries.find(({ sequence, everSent }) => everSent && sequence === answer.sequence);
    if (!entry || entry.issued) return null;
    if (answer.outcome === 'issued' || answer.outcome === 'refused') this.#overdue = null;
    if (answer.outcome === 'issued') {
      if (answer.number <= applied) return this.#settle(entry, issued(answer.number, answer.result));
      entry.issued = { number: answer.number, result: answer.result };
      return null;
    }
    if (
      answer.outcome === 'unknown' ||
      (answer.outcome === 'failed' && passes(answer.code, entry.doubtful))
    ) {
      entry.doubtful ||= answer.outcome === 'unknown';
      entry.onWire = false;
      entry.retryAt = moment.now + retryPause(this.#limits, entry.retries++, moment.random);
      return null;
    }
    return this.#settle(
      entry,
      isDefinite(answer, entry.doubtful) ? verdict(answer) : doubted(verdict(answer)),
    );
  }

  /** Command `number` is applied here; `sequence` is that of an act of this session, or 0. */
  applied(number: number, sequence: number, result: string): Settled[] {
    const done: Settled[] = [];
    if (sequence > 0) this.#overdue = null;
    const own = sequence > 0 ? this.#entries.find((entry) => entry.sequence === sequence) : undefined;
    if (own) done.push(this.#settle(own, issued(number, result)));
    for (const entry of this.#entries.filter((candidate) => (candidate.issued?.number ?? Infinity) <= number))
      done.push(this.#settle(entry, issued(entry.issued!.number, entry.issued!.result)));
    return done;
  }

  /** Settles what waited too long. */
  expire(now: number): Settled[] {
    const late = this.#entries.filter((entry) => entry.deadline <= now);
    for (const { sentAt, issued } of late) if (!issued) this.#overdue ??= sentAt;
    return late.map((entry) => this.#settle(entry, giveUp(entry, 'timeout', 'no answer in time')));
  }

  /** Settles everything: the session is over. */
  abandon(code: string, detail: string): Settled[] {
    return [...this.#entries].map((entry) => this.#settle(entry, giveUp(entry, code, detail)));
  }

  /**
   * Since when no act was decided on the connection of now though one waits, or waited until its time ran out; null if none did.
   * Without the latter, a client whose acts are given up before a region is would stay with a deaf region for ever.
   */
  waitingSince(): number | null {
    if (this.#overdue !== null) return this.#overdue;
    for (const entry of this.#entries) if (!entry.issued && entry.sentAt !== null) return entry.sentAt;
    return null;
  }

  /** The next moment at which `expire` or `send` has something to do. */
  wakeAt(connected: boolean): number {
    let at = Infinity;
    for (const entry of this.#entries) at = Math.min(at, entry.deadline);
    // Those behind the first one that waits wait with it.
    const waits = connected ? this.#entries.find((entry) => !entry.onWire && !entry.issued) : undefined;
    return waits && waits.retryAt > 0 ? Math.min(at, waits.retryAt) : at;
  }

  #settle(entry: Entry, settlement: Settlement): Settled {
    this.#entries = this.#entries.filter((other) => other !== entry);
    return { ticket: entry.ticket, settlement };
  }
}

function issued(number: number, result: string): Settlement {
  return { kind: 'issued', number, result };
}

function giveUp(entry: Entry, code: string, detail: string): Settlement {
  if (entry.issued) return issued(entry.issued.number, entry.issued.result);
  return { kind: entry.everSent ? 'unknown' : 'unavailable', code, detail };
}

/** An earlier copy of the act may be under way. */
function doubted(settlement: Settlement): Settlement {
  if (settlement.kind !== 'refused') return settlement;
  const { code, detail } = settlement;
  return { kind: 'unknown', code, detail: `refused (${detail}), but an earlier copy may be under way` };
}

/** A `refused` or `failed` answer in the one language of errors. */
function verdict(answer: Answer): Settlement {
  const { code, detail } = answer;
  if (answer.outcome === 'refused') return { kind: 'refused', code, detail };
  if (BACK_PRESSURE.has(code)) return { kind: 'unavailable', code, detail };
  // Executed or not, too long ago to tell.
  if (code === 'settled') return { kind: 'unknown', code, detail };
  return { kind: 'refused', code, detail };
}
