/**
 * The verdict: what bots were told, held against the sequence of commands that a region has. Pure; commands are fed one by
 * one, in the order in which the region gave them.
 */

/** What became of an act, as its bot was told. */
type Fate = 'issued' | 'no' | 'unsettled';

export interface LedgerEntry {
  readonly session: string;
  readonly sequence: number;
  readonly fate: Fate;
  /** The command it was acknowledged as; 0 unless issued. */
  readonly number: number;
  /**
   * Null: acknowledged, it must have a command of its own. Otherwise the action may change nothing; then its result must be
   * what this session's row holds at some number up to the acknowledged one.
   */
  readonly standing: Standing | null;
}

export interface Standing {
  readonly table: string;
  readonly values: { readonly [field: string]: unknown };
}

/** A line of GET …/commands, as far as the verdict needs it. */
export interface LedgerCommand {
  readonly number: number;
  readonly ballot: { readonly round: number; readonly region: string };
  readonly precedent: { readonly round: number; readonly region: string } | null;
  readonly session: string | null;
  readonly sequence: number | null;
  readonly changes: readonly {
    readonly table: string;
    readonly op: string;
    readonly key: string | number;
    readonly row?: { readonly [field: string]: unknown };
  }[];
  readonly digest: string;
}

export type ProblemKind = 'lost' | 'doubled' | 'misordered' | 'denied' | 'invented';

export interface Problem {
  readonly kind: ProblemKind;
  /** The command at which it shows. */
  readonly number: number;
  readonly text: string;
}

export interface Verdict {
  readonly first: number;
  readonly last: number;
  /** Commands read. */
  readonly commands: number;
  /** Acts that were acknowledged, and of them those without a command because they changed nothing. */
  readonly acknowledged: number;
  readonly unchanged: number;
  /** Acknowledged, but not in the sequence; or a number that is missing in it. */
  readonly lost: number;
  /** A number, or an act's effect, that is there more than once. */
  readonly doubled: number;
  /** At another place than acknowledged, or out of the order of numbers, precedents or a session's sequences. */
  readonly misordered: number;
  /** Told a definite no, but in the sequence. */
  readonly denied: number;
  /** In the sequence under a bot's name, but the bot never asked for it. */
  readonly invented: number;
  /** In the sequence, but its bot got no answer before the end: allowed, and told. */
  readonly unacknowledged: number;
  /** The first of them; the counts above have all. */
  readonly problems: readonly Problem[];
}

const PROBLEMS_KEPT = 50;

interface Act {
  readonly entry: LedgerEntry;
  /** Number of its command; 0: not seen yet. */
  seenAt: number;
}

interface Book {
  readonly acts: Map<number, Act>;
  /** Highest sequence seen so far in the commands. */
  highest: number;
  /** What this session's rows held, as text; only for sessions with acts that need it. */
  readonly stood: Map<string, Set<string>> | null;
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly rows: Map<string, { [field: string]: unknown }>;
}

export class Ledger {
  readonly #first: number;
  readonly #books = new Map<string, Book>();
  readonly #problems: Problem[] = [];
  readonly #counts = { lost: 0, doubled: 0, misordered: 0, denied: 0, invented: 0 };
  #acknowledged = 0;
  #next: number;
  #commands = 0;
  #before: LedgerCommand | null = null;
  readonly #missing = new Set<number>();
  readonly #numbers = new Set<number>();

  /** `first`: the first command that will be fed; earlier ones are nobody's here. */
  constructor(entries: Iterable<LedgerEntry>, first: number) {
    this.#first = first;
    this.#next = first;
    for (const [session, own] of groupBySession(entries)) this.#books.set(session, bookOf(own));
    for (const { acts } of this.#books.values())
      for (const { entry } of acts.values()) if (entry.fate === 'issued') this.#acknowledged += 1;
  }

  command(command: LedgerCommand): void {
    this.#commands += 1;
    const { number } = command;
    if (this.#numbers.has(number)) {
      this.#problem('doubled', number, `command ${number} is there twice`);
      return;
    }
    if (number < this.#next) {
      this.#problem('misordered', number, `command ${number} comes after command ${this.#next - 1}`);
      this.#missing.delete(number);
    } else {
      for (let gap = this.#next; gap < number; gap++) this.#missing.add(gap);
      this.#checkPrecedent(command);
      this.#next = number + 1;
      this.#before = command;
    }
    this.#numbers.add(number);
    this.#own(command);
    this.#follow(command);
  }

  /** `last`: the highest command that a bot was told of; what is missing up to there is lost. */
  finish(last: number): Verdict {
    for (let gap = this.#next; gap <= last; gap++) this.#missing.add(gap);
    for (const number of this.#missing) this.#problem('lost', number, `command ${number} is missing`);
    let unacknowledged = 0;
    let unchanged = 0;
    for (const [session, book] of this.#books)
      for (const act of book.acts.values()) {
        if (act.entry.fate === 'unsettled' && act.seenAt > 0) unacknowledged += 1;
        if (act.entry.fate !== 'issued' || act.seenAt > 0) continue;
        if (stands(book, act.entry)) unchanged += 1;
        else this.#lost(session, act.entry);
      }
    this.#problems.sort((a, b) => a.number - b.number);
    return {
      first: this.#first,
      last: this.#next - 1,
      commands: this.#commands,
      acknowledged: this.#acknowledged,
      unchanged,
      ...this.#counts,
      unacknowledged,
      problems: this.#problems,
    };
  }

  #lost(session: string, { sequence, number }: LedgerEntry): void {
    // The hole is counted already; say whose it was.
    const text = `act ${sequence} of ${session} was acknowledged as command ${number}`;
    const hole = this.#problems.findIndex((problem) => problem.kind === 'lost' && problem.number === number);
    if (this.#missing.has(number)) {
      if (hole !== -1) this.#problems[hole] = { kind: 'lost', number, text: `${text}, which is missing` };
      return;
    }
    this.#problem('lost', number, `${text}, but is not in the sequence`);
  }

  #checkPrecedent({ number, precedent }: LedgerCommand): void {
    const before = this.#before;
    if (before === null || before.number !== number - 1 || precedent === null) return;
    const { round, region } = before.ballot;
    if (precedent.round === round && precedent.region === region) return;
    const words = `command ${number} follows ${precedent.round}/${precedent.region}, but ${number - 1} is of ${round}/${region}`;
    this.#problem('misordered', number, words);
  }

  /** Is it an act of a bot, and as the bot was told? */
  #own({ number, session, sequence }: LedgerCommand): void {
    const book = session === null ? undefined : this.#books.get(session);
    if (book === undefined || sequence === null) return;
    const act = book.acts.get(sequence);
    const name = `act ${sequence} of ${session}`;
    if (act === undefined) {
      this.#problem('invented', number, `command ${number} is ${name}, which never asked for it`);
      return;
    }
    if (act.seenAt > 0) {
      this.#problem('doubled', number, `${name} is command ${act.seenAt} and command ${number}`);
      return;
    }
    act.seenAt = number;
    const { fate, number: told } = act.entry;
    if (fate === 'no') this.#problem('denied', number, `${name} was told no, but is command ${number}`);
    if (fate === 'issued' && told !== number)
      this.#problem(
        'misordered',
        number,
        `${name} was acknowledged as command ${told}, but is command ${number}`,
      );
    else if (sequence < book.highest)
      this.#problem('misordered', number, `${name} comes after act ${book.highest} of the same session`);
    book.highest = Math.max(book.highest, sequence);
  }

  /** Remembers what the rows of sessions held that may have to vouch for an act without a command. */
  #follow({ changes }: LedgerCommand): void {
    for (const { table, op, key, row } of changes) {
      const book = this.#books.get(String(key));
      const fields = book?.fields.get(table);
      if (book?.stood == null || fields === undefined || row === undefined || op === 'remove') continue;
      const whole = op === 'put' ? { ...row } : { ...book.rows.get(table), ...row };
      book.rows.set(table, whole);
      const held = book.stood.get(table) ?? new Set();
      held.add(textOf(whole, fields));
      book.stood.set(table, held);
    }
  }

  #problem(kind: ProblemKind, number: number, text: string): void {
    this.#counts[kind] += 1;
    if (this.#problems.length < PROBLEMS_KEPT) this.#problems.push({ kind, number, text });
  }
}

function groupBySession(entries: Iterable<LedgerEntry>): Map<string, LedgerEntry[]> {
  const groups = new Map<string, LedgerEntry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.session);
    if (group === undefined) groups.set(entry.session, [entry]);
    else group.push(entry);
  }
  return groups;
}

function bookOf(entries: readonly LedgerEntry[]): Book {
  const fields = new Map<string, readonly string[]>();
  const acts = new Map<number, Act>();
  for (const entry of entries) {
    acts.set(entry.sequence, { entry, seenAt: 0 });
    if (entry.standing) fields.set(entry.standing.table, Object.keys(entry.standing.values).sort());
  }
  return { acts, highest: 0, stood: fields.size > 0 ? new Map() : null, fields, rows: new Map() };
}

function stands(book: Book, { standing }: LedgerEntry): boolean {
  if (standing === null) return false;
  const fields = book.fields.get(standing.table) ?? [];
  return book.stood?.get(standing.table)?.has(textOf(standing.values, fields)) === true;
}

function textOf(row: { readonly [field: string]: unknown }, fields: readonly string[]): string {
  return JSON.stringify(fields.map((field) => row[field] ?? null));
}
