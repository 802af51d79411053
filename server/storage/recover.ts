import type { Ballot, Command, Durable, Vote } from '../consensus/types.ts';
import { RECORD_COMMANDS, STORAGE_READ_AHEAD, STORAGE_RUNS, STORAGE_TAIL_BYTES } from '../limits.ts';
import type { Segment } from './directory.ts';
import { corrupt, storageError } from './errors.ts';
import { type Level, LogReader, portions, Runs } from './log-reader.ts';
import {
  decodeHead,
  decodeRun,
  eachCommand,
  keyFirst,
  keysOf,
  mark,
  type RecordHead,
  type Run,
  runsOf,
} from './record.ts';
import { OpenZone } from './zone.ts';

/** A record with numbers above the issued mark. */
export interface OpenRecord {
  readonly last: number;
  readonly mark: number;
}

/** Everything the store keeps in memory while it is open; plain growth is bounded by the window. */
export interface Recovered {
  readonly durable: Durable;
  readonly runs: Runs;
  readonly zone: OpenZone;
  readonly openRecords: OpenRecord[];
  /** Serial of the newest record, highest first number of any record. */
  readonly serial: number;
  readonly top: number;
  /** Bytes on disk, roughly. */
  readonly bytes: number;
}

function addRun(runs: Runs, run: Run, where: string): void {
  if (runs.count >= STORAGE_RUNS) throw corrupt(`${where}: more than ${STORAGE_RUNS} runs`);
  if (run.born <= (runs.last?.born ?? 0)) {
    throw corrupt(`${where}: run from ${run.first} was born in ballot ${run.born}, the one before later`);
  }
  runs.push(run);
}

async function loadRuns(level: Level, id: number, where: string): Promise<Runs> {
  const runs = new Runs();
  for await (const entries of portions(level, runsOf(id)))
    for (const [key, value] of entries) addRun(runs, decodeRun(key, value, where), where);
  return runs;
}

/**
 * A world from its highest number down, until nothing newer and nothing open can follow: whatever was written after the
 * state (upTo, …) concerns numbers above upTo, and no record holds more than RECORD_COMMANDS. The newest record lies in the
 * last segment, and it says how many open ones to look for in those before.
 */
class Scan {
  newest: RecordHead | null = null;
  top = 0;
  /** Records with numbers above upTo, ascending in each segment, once the scan is over. */
  open: RecordHead[] = [];
  /** All records, ascending, of a small world of one segment; else null. */
  records: RecordHead[] | null;
  bytes = 0;
  readonly #where: string;

  constructor(segments: readonly Segment[], where: string) {
    this.#where = where;
    this.records = segments.length === 1 ? [] : null;
  }

  async run(level: Level, segments: readonly Segment[]): Promise<void> {
    for (let i = segments.length - 1; i >= 0; i--) {
      await this.#segment(level, segments[i]!.id);
      const upTo = this.newest?.upTo ?? 0;
      this.open = this.open.filter((head) => head.last > upTo);
      if (this.newest === null || this.open.length >= this.newest.openRecords) break;
    }
    this.open.reverse();
    this.records?.reverse();
  }

  async #segment(level: Level, id: number): Promise<void> {
    for await (const entries of portions(level, { ...keysOf(id), reverse: true })) {
      for (const [key, value] of entries) {
        if (this.#take(key, value)) continue;
        this.records = null;
        return;
      }
    }
  }

  /** False if nothing further in the segment is needed. */
  #take(key: Buffer, value: Buffer): boolean {
    this.bytes += key.length + value.length;
    this.top = Math.max(this.top, keyFirst(key));
    const head = decodeHead(key, value, this.#where);
    if (this.newest === null || head.serial > this.newest.serial) this.newest = head;
    const { upTo } = this.newest;
    if (head.count > 0 && head.last > upTo) this.open.push(head);
    this.records?.push(head);
    if (this.bytes > STORAGE_READ_AHEAD) this.records = null;
    return head.first > upTo - RECORD_COMMANDS;
  }
}

/** All votes for numbers above upTo, one per command id, in its highest ballot (protocol 2.1). */
function openVotes(open: readonly RecordHead[], upTo: number): Vote[] {
  const votes = new Map<number, Map<Ballot, Vote>>();
  for (const head of open) {
    eachCommand(head, Math.max(head.first, upTo + 1), head.last, (command) => {
      const held = votes.get(command.number) ?? new Map<Ballot, Vote>();
      votes.set(command.number, held);
      // What was only learned has ballot 0, and is no vote.
      if ((held.get(command.born)?.ballot ?? 0) < head.ballot) {
        held.set(command.born, { ballot: head.ballot, command });
      }
      return true;
    });
  }
  return [...votes.values()].flatMap((held) => [...held.values()]);
}

async function readTail(reader: LogReader, first: number, upTo: number): Promise<Command[]> {
  const tail: Command[] = [];
  let bytes = 0;
  let dropped = 0;
  let next = first;
  while (next <= upTo) {
    for (const command of await reader.read(next, upTo, STORAGE_READ_AHEAD)) {
      tail.push(command);
      bytes += command.bytes.length;
      next = command.number + 1;
    }
    while (bytes > STORAGE_TAIL_BYTES) bytes -= tail[dropped++]!.bytes.length;
  }
  return tail.slice(dropped);
}

/** Hands back the newest record: the state. */
function verify(scan: Scan, runs: Runs, openRecords: readonly OpenRecord[], where: string): RecordHead {
  const { newest } = scan;
  // The directory names a world only together with its first record.
  if (newest === null) throw corrupt(`${where}: ${runs.count} runs, but no record of the state`);
  let together = 0;
  for (const record of openRecords) together ^= record.mark;
  if (newest.openRecords !== openRecords.length || newest.openMark !== together >>> 0) {
    throw corrupt(
      `${where}: ${openRecords.length} records hold votes above number ${newest.upTo}, ${newest.openRecords} were written`,
    );
  }
  const last = runs.last;
  if (newest.runs !== runs.count || newest.issuedBorn !== (last?.born ?? 0)) {
    throw corrupt(
      `${where}: ${runs.count} runs up to ballot ${last?.born ?? 0}, expected ${newest.runs} up to ballot ${newest.issuedBorn} for number ${newest.upTo}`,
    );
  }
  return newest;
}

/** Rebuilds what a restart needs of a world, reading no more than the open numbers, the runs and the tail. */
export async function recover(
  level: Level,
  segments: readonly Segment[],
  where: string,
  tailCommands: number,
): Promise<Recovered> {
  const [root] = segments;
  if (root === undefined) return nothing();
  try {
    const scan = new Scan(segments, where);
    await scan.run(level, segments);
    const { open, top, records } = scan;
    const runs = await loadRuns(level, root.id, where);
    const openRecords = open.map(({ first, last, serial }) => ({ last, mark: mark(first, serial) }));

    const { lastTried, nextBal, upTo, issuedBorn: born, serial } = verify(scan, runs, openRecords, where);
    const zone = new OpenZone(upTo, born);
    for (const head of open) zone.add(head);
    const reader = new LogReader(level, segments, runs, where);
    const first = Math.max(1, upTo - tailCommands + 1);
    return {
      durable: {
        lastTried,
        nextBal,
        upTo,
        born,
        votes: openVotes(open, upTo),
        tail: records === null ? await readTail(reader, first, upTo) : reader.pick(records, first, upTo),
      },
      runs,
      zone,
      openRecords,
      serial,
      top,
      bytes: records === null ? await sizeOf(level, segments) : scan.bytes,
    };
  } catch (error) {
    throw storageError(error, where);
  }
}

/** Of a world that was never written to. */
function nothing(): Recovered {
  return {
    durable: { lastTried: 0, nextBal: 0, upTo: 0, born: 0, votes: [], tail: [] },
    runs: new Runs(),
    zone: new OpenZone(0, 0),
    openRecords: [],
    serial: 0,
    top: 0,
    bytes: 0,
  };
}

async function sizeOf(level: Level, segments: readonly Segment[]): Promise<number> {
  let bytes = 0;
  for (const { id } of segments) {
    const { gte, lte } = keysOf(id);
    bytes += await level.approximateSize(gte, lte);
  }
  return bytes;
}
