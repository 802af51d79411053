/** Commands and writes on a line between threads: the bytes of many in one buffer of their own, which moves instead of being copied. */
import type { Command, Durable, Vote, Write } from '../consensus/types.ts';

/**
 * What `parts` hold, end to end in memory of its own, which may move to the other thread. Never `slice`: that of a Buffer is no
 * copy, and what it is part of would move along.
 */
export function ownCopy(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const copy = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    copy.set(part, at);
    at += part.length;
  }
  return copy;
}

export interface PackedCommands {
  /** Number, born, precedent and length in bytes of each. */
  readonly heads: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const HEAD = 4;

export function packCommands(commands: readonly Command[]): PackedCommands {
  const heads = new Float64Array(HEAD * commands.length);
  let head = 0;
  for (const { number, born, precedent, bytes } of commands) {
    heads[head++] = number;
    heads[head++] = born;
    heads[head++] = precedent;
    heads[head++] = bytes.length;
  }
  return { heads, bytes: ownCopy(commands.map(({ bytes }) => bytes)) };
}

export function unpackCommands({ heads, bytes }: PackedCommands): Command[] {
  const commands: Command[] = [];
  let at = 0;
  for (let head = 0; head < heads.length; head += HEAD) {
    const end = at + heads[head + 3]!;
    const [number, born, precedent] = [heads[head]!, heads[head + 1]!, heads[head + 2]!];
    commands.push({ number, born, precedent, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return commands;
}

export const buffersOf = (...packed: readonly (PackedCommands | undefined)[]): ArrayBuffer[] =>
  packed.flatMap((one) => (one === undefined ? [] : [one.heads.buffer, one.bytes.buffer]));

export interface PackedWrite extends Pick<Write, 'write' | 'ballots' | 'issued'> {
  readonly voteBallot: number;
  readonly votes: PackedCommands | undefined;
  readonly learned: PackedCommands | undefined;
}

export function packWrite({ write, ballots, votes, learned, issued }: Write): PackedWrite {
  return {
    write,
    ...(ballots === undefined ? {} : { ballots }),
    ...(issued === undefined ? {} : { issued }),
    voteBallot: votes?.ballot ?? 0,
    votes: votes === undefined ? undefined : packCommands(votes.commands),
    learned: learned === undefined ? undefined : packCommands(learned),
  };
}

export function unpackWrite({ write, ballots, issued, voteBallot, votes, learned }: PackedWrite): Write {
  return {
    write,
    ...(ballots === undefined ? {} : { ballots }),
    ...(votes === undefined ? {} : { votes: { ballot: voteBallot, commands: unpackCommands(votes) } }),
    ...(learned === undefined ? {} : { learned: unpackCommands(learned) }),
    ...(issued === undefined ? {} : { issued }),
  };
}

export interface PackedDurable extends Omit<Durable, 'votes' | 'tail'> {
  readonly voteBallots: readonly number[];
  readonly votes: PackedCommands;
  readonly tail: PackedCommands;
}

export function packDurable({ votes, tail, ...rest }: Durable): PackedDurable {
  return {
    ...rest,
    voteBallots: votes.map(({ ballot }) => ballot),
    votes: packCommands(votes.map(({ command }) => command)),
    tail: packCommands(tail),
  };
}

export function unpackDurable({ voteBallots, votes, tail, ...rest }: PackedDurable): Durable {
  const commands = unpackCommands(votes);
  return {
    ...rest,
    votes: commands.map((command, i): Vote => ({ ballot: voteBallots[i] as number, command })),
    tail: unpackCommands(tail),
  };
}
