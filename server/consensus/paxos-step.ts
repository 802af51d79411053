import { fail } from './assert.ts';
import type { Paxos } from './paxos-state.ts';
import type { Activated, Ballot, Command, Device, Effects, Message, VotedRange, Write } from './types.ts';

/** What one step has gathered so far; `finish` makes the effects of it. */
export interface Step {
  readonly sends: { to: Device; message: Message; after: number }[];
  readonly issued: Command[];
  /** How many of `issued` a Success was sent for. */
  told: number;
  /** Issued commands this device never voted for. */
  readonly learned: Command[];
  readonly alarms: string[];
  readonly serve: { to: Device; from: number; max: number }[];
  votes: { readonly ballot: Ballot; readonly commands: Command[] } | null;
  activated: Activated | null;
  deposed: Ballot | null;
  /** Write the `issued` mark now, even if nothing else is to be written. */
  mark: boolean;
  readonly before: { readonly lastTried: Ballot; readonly nextBal: Ballot; readonly upTo: number };
}

/** Effects while they are put together; spreading optional parts would cost more than the step itself. */
export type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Until the step is finished: "after all writes up to and with this step's". */
const WRITTEN = -1;
/** Until the step is finished: "after the last write with learned commands". */
const LEARNED = -2;

export function beginStep({ lastTried, nextBal, upTo }: Paxos): Step {
  return {
    sends: [],
    issued: [],
    told: 0,
    learned: [],
    alarms: [],
    serve: [],
    votes: null,
    activated: null,
    deposed: null,
    mark: false,
    before: { lastTried, nextBal, upTo },
  };
}

/** May leave at once: what it says is true whatever this device's disk holds. */
export function send(step: Step, to: Device, message: Message): void {
  step.sends.push({ to, message, after: 0 });
}

/** Leaves when everything written so far, this step included, is durable: "write, then send". */
export function sendWritten(step: Step, to: Device, message: Message): void {
  step.sends.push({ to, message, after: WRITTEN });
}

/** To every device but this one. */
export function sendOthers(paxos: Paxos, step: Step, message: Message): void {
  const { devices, self } = paxos.setup.config;
  for (let device = 0; device < devices; device++) if (device !== self) send(step, device, message);
}

/**
 * A proposal leaves when every command learned from others is durable (R4), and that is all it waits for: in the steady state
 * it does not wait at all, and travels while the own vote is being written.
 */
export function sendProposal(step: Step, to: Device, message: Message): void {
  step.sends.push({ to, message, after: LEARNED });
}

/** Numbers must come ascending; neighbours of one creating ballot become one range. */
export function addToRanges(ranges: VotedRange[], number: number, born: Ballot): void {
  const top = ranges[ranges.length - 1] as { first: number; last: number; born: Ballot } | undefined;
  if (top !== undefined && top.born === born && top.last === number - 1) top.last = number;
  else ranges.push({ first: number, last: number, born });
}

/** Cuts commands into messages of at most messageBytes of payload, at least one command each. */
export function cut(commands: readonly Command[], messageBytes: number): (readonly Command[])[] {
  let bytes = 0;
  for (const command of commands) bytes += command.bytes.length;
  if (bytes <= messageBytes) return commands.length === 0 ? [] : [commands];
  const parts: Command[][] = [];
  let part: Command[] = [];
  bytes = 0;
  for (const command of commands) {
    bytes += command.bytes.length;
    if (part.length > 0 && bytes > messageBytes) {
      parts.push(part);
      part = [];
      bytes = command.bytes.length;
    }
    part.push(command);
  }
  parts.push(part);
  return parts;
}

/** Makes the one atomic write of the step, numbers what waits for it, and checks what must hold after every step. */
export function finish(paxos: Paxos, step: Step): Mutable<Effects> {
  checkMonotone(paxos, step);
  const write = makeWrite(paxos, step);
  for (const waiting of step.sends) {
    if (waiting.after === WRITTEN) waiting.after = paxos.lastWrite;
    else if (waiting.after === LEARNED) waiting.after = paxos.learnedIn;
  }
  const effects: Mutable<Effects> = { sends: step.sends, issued: step.issued };
  if (write !== null) effects.write = write;
  if (step.activated !== null) effects.activated = step.activated;
  if (step.deposed !== null) effects.deposed = { ballot: step.deposed };
  if (step.serve.length > 0) effects.serve = step.serve;
  if (step.alarms.length > 0) effects.alarms = step.alarms;
  return effects;
}

function makeWrite(paxos: Paxos, step: Step): Write | null {
  const { lastTried, nextBal, upTo, born } = paxos;
  const ballots = lastTried !== step.before.lastTried || nextBal !== step.before.nextBal;
  // The mark rides along with any write; alone it is written on an idle tick, off the path of a lone command.
  const issued = upTo > paxos.marked;
  if (!ballots && step.votes === null && step.learned.length === 0 && !(step.mark && issued)) return null;
  paxos.lastWrite += 1;
  paxos.marked = upTo;
  const write: Mutable<Write> = { write: paxos.lastWrite };
  if (ballots) write.ballots = { lastTried, nextBal };
  if (step.votes !== null) write.votes = step.votes;
  if (step.learned.length > 0) {
    write.learned = step.learned;
    paxos.learnedIn = paxos.lastWrite;
  }
  if (issued) write.issued = { upTo, born };
  return write;
}

/** I1, and I17: what is handed out continues what was handed out before. */
function checkMonotone({ lastTried, nextBal, seen, upTo }: Paxos, { before, issued }: Step): void {
  if (lastTried < before.lastTried || nextBal < before.nextBal || upTo < before.upTo)
    fail('I1', 'something stable decreased', {
      lastTried,
      lastTriedBefore: before.lastTried,
      nextBal,
      nextBalBefore: before.nextBal,
      upTo,
      upToBefore: before.upTo,
    });
  if (lastTried > nextBal || nextBal > seen) fail('I1', 'ballots out of order', { lastTried, nextBal, seen });
  if (upTo - before.upTo !== issued.length)
    fail('I17', 'issued numbers have a gap', { from: before.upTo, upTo, count: issued.length });
}
