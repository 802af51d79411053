import type { Ballot, Command } from '../../../server/consensus/types.ts';

/** What a simulated client wants: add to an account (the amount is drawn by the leader, so it is not deterministic). */
export interface Wish {
  readonly client: number;
  readonly sequence: number;
  readonly account: number;
}

/** A command's payload. */
export interface Entry extends Wish {
  readonly number: number;
  readonly born: Ballot;
  readonly precedent: Ballot;
  /** The account after the command. */
  readonly balance: number;
  /** Running digest of the whole sequence up to and with this command. */
  readonly digest: number;
}

export interface Outcome {
  readonly sequence: number;
  readonly number: number;
  readonly balance: number;
}

/**
 * The smallest two-tier state machine that can notice every fault of the layer below: commands set values computed on the
 * leader's state, a request table makes each wish execute once, and a running digest makes any other history visible.
 */
export class Ledger {
  number = 0;
  born: Ballot = 0;
  digest = 1;
  private readonly balances = new Map<number, number>();
  private readonly outcomes = new Map<number, Outcome>();

  clone(): Ledger {
    const copy = new Ledger();
    copy.number = this.number;
    copy.born = this.born;
    copy.digest = this.digest;
    for (const [account, balance] of this.balances) copy.balances.set(account, balance);
    for (const [client, outcome] of this.outcomes) copy.outcomes.set(client, outcome);
    return copy;
  }

  /** The last executed wish of a client. */
  outcome(client: number): Outcome | undefined {
    return this.outcomes.get(client);
  }

  balance(account: number): number {
    return this.balances.get(account) ?? 0;
  }

  /** The leader's function: runs on this (leader) state and returns a command without applying it. */
  run(wish: Wish, amount: number, ballot: Ballot): Command {
    const balance = this.balance(wish.account) + amount;
    const head = { ...wish, number: this.number + 1, born: ballot, precedent: this.born, balance };
    return encode({ ...head, digest: extend(this.digest, head) });
  }

  /** Throws where the command does not follow from this state. */
  apply(command: Command): Entry {
    const entry = decode(command);
    if (entry.number !== this.number + 1)
      throw new Error(`ledger at ${this.number} is given ${entry.number}`);
    if (entry.precedent !== this.born)
      throw new Error(`${entry.number} depends on ${entry.precedent}, the ledger holds ${this.born}`);
    const digest = extend(this.digest, entry);
    if (digest !== entry.digest)
      throw new Error(`digest of ${entry.number}: ${digest}, command says ${entry.digest}`);
    this.number = entry.number;
    this.born = entry.born;
    this.digest = digest;
    this.balances.set(entry.account, entry.balance);
    this.outcomes.set(entry.client, entry);
    return entry;
  }
}

const HEADER = 9;

/** Nine 32-bit words; the length varies with the number so that paging meets commands of many sizes. */
function encode(entry: Entry): Command {
  const words = new Int32Array(HEADER + ((entry.number * 7) % 23));
  const { client, sequence, account, number, born, precedent, balance, digest } = entry;
  words.set([client, sequence, account, number, born, precedent, balance, digest, 0]);
  return { number, born, precedent, bytes: new Uint8Array(words.buffer) };
}

export function decode(command: Command): Entry {
  const { buffer, byteOffset } = command.bytes;
  const words = new Int32Array(buffer, byteOffset, HEADER);
  const [client, sequence, account, number, born, precedent, balance, digest] = words as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (number !== command.number || born !== command.born || precedent !== command.precedent)
    throw new Error(`bytes of ${born}@${number} travel as ${command.born}@${command.number}`);
  return { client, sequence, account, number, born, precedent, balance, digest };
}

function extend(digest: number, entry: Omit<Entry, 'digest'>): number {
  let next = digest;
  for (const part of [entry.number, entry.born, entry.client, entry.sequence, entry.account, entry.balance]) {
    next = Math.imul(next ^ part, 0x01000193);
    next ^= next >>> 15;
  }
  return next | 0;
}
