import { CONFIRMS, ROUNDS_UNDER_WAY } from './limits.ts';
import type { IsMajority } from './quorum.ts';
import type { ConsensusConfig, Device } from './types.ts';

/**
 * What a leader knows about being heard: rounds of heartbeats and who answered them. From that follow the lease (without answers
 * of a majority it steps down) and the proof asked for by `confirm` (8.5). Belongs to one ballot.
 */
export interface Lease {
  readonly self: Device;
  /** Heartbeat rounds sent. */
  sequence: number;
  /** `now` of the last round. */
  roundAt: number;
  /** By device: the highest round acknowledged, the highest number voted for, both in this ballot. */
  readonly acked: number[];
  readonly votedTo: number[];
  /** By device: attentive time of the last answer. */
  readonly heardAt: number[];
  /** By device: what it has not voted for and since when; `delay` doubles with each retransmission. */
  readonly behind: { lowest: number; since: number; delay: number }[];
  /** In the order they came; `sequence` is the first round sent after the token, `begun` the last number begun before it. */
  readonly asks: { readonly token: number; readonly sequence: number; readonly begun: number }[];
}

export function createLease({ devices, self, timing }: ConsensusConfig, clock: number): Lease {
  const zeros = () => new Array<number>(devices).fill(0);
  return {
    self,
    sequence: 0,
    roundAt: 0,
    acked: zeros(),
    votedTo: zeros(),
    heardAt: new Array<number>(devices).fill(clock),
    behind: Array.from({ length: devices }, () => ({ lowest: 0, since: clock, delay: timing.retransmit })),
    asks: [],
  };
}

/** An answer to round `sequence` by a device that has promised nothing above this ballot. */
export function acknowledged(lease: Lease, device: Device, sequence: number, clock: number): void {
  if (sequence > lease.sequence) return;
  lease.acked[device] = Math.max(lease.acked[device]!, sequence);
  lease.heardAt[device] = clock;
}

/** A vote in this ballot proves the same as an answer to a heartbeat sent together with the BeginBallot. */
export function votedInBallot(lease: Lease, device: Device, number: number, clock: number): void {
  lease.votedTo[device] = Math.max(lease.votedTo[device]!, number);
  lease.heardAt[device] = clock;
}

function those(lease: Lease, holds: (device: Device) => boolean): number {
  let mask = 1 << lease.self;
  for (let device = 0; device < lease.acked.length; device++) if (holds(device)) mask |= 1 << device;
  return mask;
}

/** Whether a majority answered within `length` ms of attentive time. */
export function isHeld(lease: Lease, isMajority: IsMajority, clock: number, length: number): boolean {
  return isMajority(those(lease, (device) => clock - lease.heardAt[device]! <= length));
}

/** Notes a token; true if a round should go out for it now. */
export function addAsk(lease: Lease, isMajority: IsMajority, token: number, begun: number): boolean {
  if (lease.asks.length >= CONFIRMS) return false;
  lease.asks.push({ token, sequence: lease.sequence + 1, begun });
  return mayRound(lease, isMajority);
}

/** Tokens wait for a round that has not been sent, and few enough are under way. */
export function needsRound(lease: Lease, isMajority: IsMajority): boolean {
  const last = lease.asks[lease.asks.length - 1];
  return last !== undefined && last.sequence > lease.sequence && mayRound(lease, isMajority);
}

function mayRound(lease: Lease, isMajority: IsMajority): boolean {
  const oldest = lease.sequence - ROUNDS_UNDER_WAY + 1;
  return oldest <= 0 || isMajority(those(lease, (device) => lease.acked[device]! >= oldest));
}

/**
 * Takes the tokens that are proved; returns the last, null if none. A majority answered after the token came, each saying that
 * it had promised nothing higher: so no higher ballot was active before the token (8.5).
 */
export function takeConfirmed(lease: Lease, isMajority: IsMajority): number | null {
  let token: number | null = null;
  for (;;) {
    const ask = lease.asks[0];
    if (ask === undefined) return token;
    const proof = those(
      lease,
      (device) => lease.acked[device]! >= ask.sequence || lease.votedTo[device]! > ask.begun,
    );
    if (!isMajority(proof)) return token;
    token = ask.token;
    lease.asks.shift();
  }
}

/** Whether it is time to repeat to a device what it has not voted for; `lowest` is the lowest such number, 0 for none. */
export function isRepeatDue(
  lease: Lease,
  { timing }: ConsensusConfig,
  device: Device,
  lowest: number,
  clock: number,
): boolean {
  const behind = lease.behind[device]!;
  if (lowest === 0 || lowest !== behind.lowest) {
    behind.lowest = lowest;
    behind.since = clock;
    behind.delay = timing.retransmit;
    return false;
  }
  if (clock - behind.since < behind.delay) return false;
  behind.since = clock;
  behind.delay = Math.min(behind.delay * 2, timing.retransmit * 8);
  return true;
}
