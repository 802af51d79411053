import type { Ballot, Command, Durable, Vote } from '../consensus/types.ts';
import { RECORD_COMMANDS, STORAGE_READ_AHEAD, STORAGE_RUNS, STORAGE_TAIL_BYTES } from '../limits.ts';
import { corrupt, storageError } from './errors.ts';
import { type Level, LogReader, Runs } from './log-reader.ts';
import {
  decodeHead,
  decodeRun,
  eachCommand,
  isRecord,
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
  const iterator = level.iterator({ ...runsOf(id), highWaterMarkBytes: STORAGE_READ_AHEAD });
  for await (const [key, value] of iterator) addRun(runs, decodeRun(key, value, where), where);
  return runs;
}

/**
 * A world from its highest number down, until nothing newer and nothing open can follow: whatever was written after the
 * state (upTo, …) concerns numbers above upTo, and no record holds more than RECORD_COMMANDS. A small world is read whole.
 */
class Scan {
  newest: RecordHead | null = null;
  top = 0;
  /** Records with numbers above upTo, ascending once the scan is over. */
  open: RecordHead[] = [];
  /** All records, ascending, of a world that was read whole and is not large; else null. */
  records: RecordHead[] | null = [];
  /** Of a world that was read whole; else null. */
  runs: Runs | null = null;
  bytes = 0;
  readonly #where: string;
  readonly #runs: Run[] = [];

  constructor(where: string) {
    this.#where = where;
  }

  async run(level: Level, id: number): Promise<void> {
    const iterator = level.iterator({
      ...keysOf(id),
      reverse: true,
      highWaterMarkBytes: STORAGE_READ_AHEAD,
    });
    try {
      for (;;) {
        const entries = await iterator.nextv(RECORD_COMMANDS);
        if (entries.length === 0) return this.#end();
        for (const [key, value] of entries) if (!this.#take(key, value)) return this.#enough();
      }
    } finally {
      await iterator.close();
    }
  }

  /** False if nothing further is needed. */
  #take(key: Buffer, value: Buffer): boolean {
    this.bytes += key.length + value.length;
    if (!isRecord(key)) {
      this.#runs.push(decodeRun(key, value, this.#where));
      return true;
    }
    this.top = Math.max(this.top, keyFirst(key));
    const head = decodeHead(key, value, this.#where);
    if (this.newest === null || head.serial > this.newest.serial) this.newest = head;
    const { upTo } = this.newest;
    if (head.count > 0 && head.last > upTo) this.open.push(head);
    this.records?.push(head);
    if (this.bytes > STORAGE_READ_AHEAD) this.records = null;
    return head.first > upTo - RECORD_COMMANDS;
  }

  #enough(): void {
    this.records = null;
    this.#sort();
  }

  #end(): void {
    this.runs = new Runs();
    for (const run of this.#runs.reverse()) addRun(this.runs, run, this.#where);
    this.records?.reverse();
    this.#sort();
  }

  #sort(): void {
    const upTo = this.newest?.upTo ?? 0;
    this.open = this.open.filter((head) => head.last > upTo).reverse();
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

function verify(scan: Scan, runs: Runs, openRecords: readonly OpenRecord[], where: string): void {
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
}

/** Rebuilds what a restart needs of world `id`, reading no more than the open numbers, the runs and the tail. */
export async function recover(
  level: Level,
  id: number,
  where: string,
  tailCommands: number,
): Promise<Recovered> {
  try {
    const scan = new Scan(where);
    await scan.run(level, id);
    const { newest, open, top, records } = scan;
    const runs = scan.runs ?? (await loadRuns(level, id, where));
    const openRecords = open.map(({ first, last, serial }) => ({ last, mark: mark(first, serial) }));
    verify(scan, runs, openRecords, where);
    const upTo = newest?.upTo ?? 0;
    const born = newest?.issuedBorn ?? 0;
    const zone = new OpenZone(upTo, born);
    for (const head of open) zone.add(head);
    const reader = new LogReader(level, id, runs, where);
    const first = Math.max(1, upTo - tailCommands + 1);
    return {
      durable: {
        lastTried: newest?.lastTried ?? 0,
        nextBal: newest?.nextBal ?? 0,
        upTo,
        born,
        votes: openVotes(open, upTo),
        tail: records === null ? await readTail(reader, first, upTo) : reader.pick(records, first, upTo),
      },
      runs,
      zone,
      openRecords,
      serial: newest?.serial ?? 0,
      top,
      bytes: scan.runs === null ? await sizeOf(level, id) : scan.bytes,
    };
  } catch (error) {
    throw storageError(error, where);
  }
}

function sizeOf(level: Level, id: number): Promise<number> {
  const { gte, lte } = keysOf(id);
  return level.approximateSize(gte, lte);
}
