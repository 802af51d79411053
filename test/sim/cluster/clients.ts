import type { Truth } from '../check/truth.ts';
import { Violation } from '../violation.ts';
import { decode, type Outcome, type Wish } from './ledger.ts';

/** One wish as its client saw it. */
export interface Lived {
  readonly wish: Wish;
  readonly called: number;
  returned: number;
  outcome: Outcome | null;
}

/** The clients' side of the ledger: one open wish each, asked again and again through any device until answered. */
export class Clients {
  readonly history: Lived[] = [];
  private readonly open: (Lived | null)[];
  private readonly sequences: number[];

  constructor(count: number) {
    this.open = new Array<Lived | null>(count).fill(null);
    this.sequences = new Array<number>(count).fill(0);
  }

  get allAnswered(): boolean {
    return this.open.every((lived) => lived === null);
  }

  /** The wish this client waits for. */
  waitingFor(client: number): Wish | null {
    return this.open[client]?.wish ?? null;
  }

  begin(client: number, account: number, now: number): Wish {
    const wish = { client, sequence: ++this.sequences[client]!, account };
    const lived = { wish, called: now, returned: Number.POSITIVE_INFINITY, outcome: null };
    this.history.push(lived);
    this.open[client] = lived;
    return wish;
  }

  /** True if this was news. */
  answered(client: number, outcome: Outcome, now: number): boolean {
    const lived = this.open[client];
    if (lived == null || outcome.sequence < lived.wish.sequence) return false;
    if (outcome.sequence > lived.wish.sequence)
      throw new Violation(
        'exactly-once',
        `client ${client} is answered ${outcome.sequence}, which was never asked`,
      );
    lived.returned = now;
    lived.outcome = outcome;
    this.open[client] = null;
    return true;
  }

  /** G8 and G9 over a whole run. */
  check(truth: Truth): void {
    this.checkExecutions(truth);
    this.checkOrder();
  }

  /** Each wish at most once in the sequence, each client's in order, each answer as the sequence says. */
  private checkExecutions(truth: Truth): void {
    const last = new Map<number, number>();
    const balances = new Map<number, number>();
    for (let number = 1; number <= truth.upTo; number++) {
      const entry = decode(truth.fact(number)!.command);
      const before = last.get(entry.client) ?? 0;
      if (entry.sequence !== before + 1)
        throw new Violation(
          'exactly-once',
          `client ${entry.client}: ${entry.sequence} follows ${before} at ${number}`,
        );
      last.set(entry.client, entry.sequence);
      const amount = entry.balance - (balances.get(entry.account) ?? 0);
      if (amount < 1 || amount > AMOUNT)
        throw new Violation(
          'G8',
          `number ${number} was not computed on the state before it: amount ${amount}`,
        );
      balances.set(entry.account, entry.balance);
    }
    for (const { wish, outcome } of this.history) {
      if (outcome === null) continue;
      const fact = truth.fact(outcome.number);
      const entry = fact === undefined ? undefined : decode(fact.command);
      if (
        entry?.client !== wish.client ||
        entry.sequence !== wish.sequence ||
        entry.balance !== outcome.balance
      )
        throw new Violation(
          'G9',
          `client ${wish.client} was told ${JSON.stringify(outcome)}, issued is otherwise`,
        );
    }
  }

  /** Linearizable: what was answered before another was called has the lower number. */
  private checkOrder(): void {
    const answered = this.history.filter(({ outcome }) => outcome !== null);
    const byReturn = [...answered].sort((a, b) => a.returned - b.returned);
    let highest = 0;
    let next = 0;
    for (const lived of [...answered].sort((a, b) => a.called - b.called)) {
      while (next < byReturn.length && byReturn[next]!.returned < lived.called)
        highest = Math.max(highest, byReturn[next++]!.outcome!.number);
      if (lived.outcome!.number <= highest)
        throw new Violation(
          'linearizable',
          `number ${lived.outcome!.number} answers a wish made after ${highest} was answered`,
        );
    }
  }
}

/** The leader's function adds 1 .. AMOUNT. */
export const AMOUNT = 9;
