/**
 * A fault that a process does to itself at an exact point of the protocol, for tests only: `--allow-faults` and
 * THROUGHLINE_FAULT=kill-after-send:begin-ballot:number=2[:world=warehouse].
 */
import type { PeerMessage } from '../links/types.ts';

export interface SelfKill {
  readonly message: PeerMessage['kind'];
  readonly number: number;
  readonly world: string | undefined;
}

/** Throws where the text cannot be understood: a test must not run without its fault. */
export function parseFault(text: string): SelfKill {
  const match = /^kill-after-send:(begin-ballot|issued):number=(\d+)(?::world=([a-z0-9_-]+))?$/.exec(text);
  if (match === null) throw new Error(`THROUGHLINE_FAULT: '${text}' is not understood`);
  return { message: match[1] as SelfKill['message'], number: Number(match[2]), world: match[3] };
}

export function hits(fault: SelfKill, world: string, message: PeerMessage): boolean {
  if (fault.message !== message.kind || (fault.world !== undefined && fault.world !== world)) return false;
  return 'commands' in message && message.commands.some(({ number }) => number === fault.number);
}
