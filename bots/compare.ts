/** The end of a run: all that bots were told, against what a region wrote down, and the regions against each other. */
import { Ledger, type LedgerEntry, type Standing, type Verdict } from './ledger.ts';
import type { BooksData } from './messages.ts';
import { commandsOf, reaches } from './target.ts';

/** A region that was killed last may still be catching up. */
const CATCH_UP_MS = 15_000;

export interface Comparison {
  /** The region whose commands were read, by address; null: none could be asked. */
  readonly from: string | null;
  readonly verdict: Verdict | null;
  /** Digest of the tables after the last command, by address; null where that region did not get there. */
  readonly digests: readonly (readonly [url: string, digest: string | null])[];
  /** Why there is no verdict. */
  readonly failure: string | null;
}

export interface CompareOptions {
  readonly urls: readonly string[];
  readonly world: string;
  readonly token: string;
  readonly first: number;
  readonly last: number;
  readonly books: readonly BooksData[];
  /** Gives the regions time to catch up; a test has none to give. */
  readonly patienceMs?: number;
}

export async function compare(options: CompareOptions): Promise<Comparison> {
  const { urls, world, token, last } = options;
  if (last < options.first) {
    // Nothing happened: there is nothing to read, and no act may claim otherwise.
    const verdict = new Ledger(entriesOf(options.books), options.first).finish(last);
    return { from: null, verdict, digests: [], failure: null };
  }
  const patience = options.patienceMs ?? CATCH_UP_MS;
  const there = await Promise.all(urls.map((url) => reaches(url, world, token, last, patience)));
  const digests = await Promise.all(
    urls.map(async (url, at) => [url, there[at] ? await digestAt(url, options) : null] as const),
  );
  let failure = `no region has command ${last}`;
  for (const [at, url] of urls.entries()) {
    if (!there[at]) continue;
    try {
      return { from: url, verdict: await audit(url, options), digests, failure: null };
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
  }
  return { from: null, verdict: null, digests, failure };
}

async function audit(url: string, { world, token, first, last, books }: CompareOptions): Promise<Verdict> {
  const ledger = new Ledger(entriesOf(books), first);
  for await (const command of commandsOf(url, world, token, first, last)) ledger.command(command);
  return ledger.finish(last);
}

async function digestAt(url: string, { world, token, last }: CompareOptions): Promise<string | null> {
  try {
    for await (const { digest } of commandsOf(url, world, token, last, last)) return digest;
  } catch {
    // It went away meanwhile: it has no digest to compare.
  }
  return null;
}

function* entriesOf(books: readonly BooksData[]): Generator<LedgerEntry> {
  for (const { sessions, session, sequence, fate, number, standing } of books) {
    const claims = new Map<number, Standing>(standing);
    for (let row = 0; row < sequence.length; row++)
      yield {
        session: sessions[session[row] ?? 0] ?? '',
        sequence: sequence[row] ?? 0,
        fate: fate[row] === 1 ? 'issued' : fate[row] === 2 ? 'no' : 'unsettled',
        number: number[row] ?? 0,
        standing: claims.get(row) ?? null,
      };
  }
}
