/**
 * One process of the plain system: as little as a replicated store in Node can do. The first leads for ever, nobody checks a byte, nobody
 * repeats anything, a restart forgets all; three copies on stable storage is everything it promises.
 */
import { connect, createServer, type Socket } from 'node:net';
import { CeilingLog } from './ceiling-log.ts';
import {
  ACCOUNTS,
  ANSWER_BYTES,
  batches,
  COMMAND_BYTES,
  Cutter,
  HEAD_BYTES,
  REQUEST_BYTES,
  VOTE_BYTES,
} from './ceiling-wire.ts';

export interface CeilingOrder {
  readonly folder: string;
  /** Ports of the followers: who is given some leads. */
  readonly followers: readonly number[];
}

/** Memory that batches are written into, and how full it gets before it is let go. */
const ARENA_BYTES = 1 << 20;
const BATCH_MOST = 4_000;

const write = (socket: Socket, bytes: Buffer): void => {
  if (socket.writable) socket.write(bytes);
};

/** Stores, votes, and applies what is issued. */
async function follow({ folder }: CeilingOrder): Promise<number> {
  let leader: Socket | null = null;
  const amounts = new Float64Array(ACCOUNTS);
  const open: { readonly bytes: Buffer; readonly last: number }[] = [];
  let applied = 0;
  const log = await CeilingLog.open(folder, (upTo) => {
    const vote = Buffer.allocUnsafe(VOTE_BYTES);
    vote.writeDoubleLE(upTo);
    if (leader !== null) write(leader, vote);
  });
  const apply = (issued: number): void => {
    while (applied < open.length && (open[applied]?.last ?? 0) <= issued) {
      const { bytes } = open[applied++]!;
      for (let at = HEAD_BYTES; at < bytes.length; at += COMMAND_BYTES) {
        amounts[bytes.readUInt32LE(at + 8)] = bytes.readDoubleLE(at + 16);
        amounts[bytes.readUInt32LE(at + 12)] = bytes.readDoubleLE(at + 24);
      }
    }
    if (applied < 1_000) return;
    open.splice(0, applied);
    applied = 0;
  };
  const take = (chunk: Buffer, from: number, length: number): void => {
    const bytes = chunk.subarray(from, from + length);
    const last = bytes.readDoubleLE(length - COMMAND_BYTES);
    log.append(bytes, last);
    open.push({ bytes, last });
    apply(bytes.readDoubleLE(8));
  };
  return serve((socket) => {
    leader = socket;
    const cutter = batches();
    socket.on('data', (chunk: Buffer) => cutter.push(chunk, take));
  });
}

class Leader {
  readonly #amounts = new Float64Array(ACCOUNTS).fill(1e12);
  readonly #followers: readonly Socket[];
  readonly #durable: number[];
  #log: CeilingLog | null = null;
  #number = 0;
  #issued = 0;
  /** Who asked for each command not yet issued, and the name of the request. */
  #askers: Socket[] = [];
  #names: number[] = [];
  #answered = 0;
  #arena = Buffer.allocUnsafe(ARENA_BYTES);
  #count = 0;

  private constructor(followers: readonly Socket[]) {
    this.#followers = followers;
    this.#durable = [0, ...followers.map(() => 0)];
  }

  static async start({ folder, followers }: CeilingOrder): Promise<Leader> {
    const sockets = await Promise.all(followers.map(connected));
    const leader = new Leader(sockets);
    leader.#log = await CeilingLog.open(folder, (upTo) => leader.#vote(0, upTo));
    for (const [index, socket] of sockets.entries()) {
      const cutter = new Cutter(VOTE_BYTES);
      socket.on('data', (chunk: Buffer) => {
        let upTo = 0;
        cutter.push(chunk, (bytes, at) => {
          upTo = bytes.readDoubleLE(at);
        });
        if (upTo > 0) leader.#vote(index + 1, upTo);
      });
    }
    return leader;
  }

  /** The function, and its command into the batch of this turn. */
  request(asker: Socket, bytes: Buffer, at: number): void {
    const [from, to] = [bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)];
    const amount = bytes.readUInt32LE(at + 12);
    const amounts = this.#amounts;
    amounts[from] = (amounts[from] ?? 0) - amount;
    amounts[to] = (amounts[to] ?? 0) + amount;
    if (this.#count === 0) setImmediate(this.#flush);
    const command = HEAD_BYTES + COMMAND_BYTES * this.#count++;
    const arena = this.#arena;
    arena.writeDoubleLE(++this.#number, command);
    arena.writeUInt32LE(from, command + 8);
    arena.writeUInt32LE(to, command + 12);
    arena.writeDoubleLE(amounts[from] ?? 0, command + 16);
    arena.writeDoubleLE(amounts[to] ?? 0, command + 24);
    this.#askers.push(asker);
    this.#names.push(bytes.readUInt32LE(at));
    if (this.#count === BATCH_MOST) this.#flush();
  }

  readonly #flush = (): void => {
    if (this.#count === 0) return;
    const length = HEAD_BYTES + COMMAND_BYTES * this.#count;
    const batch = this.#arena.subarray(0, length);
    batch.writeUInt32LE(this.#count, 0);
    batch.writeDoubleLE(this.#issued, 8);
    this.#count = 0;
    const left = this.#arena.subarray(length);
    const room = HEAD_BYTES + COMMAND_BYTES * BATCH_MOST;
    this.#arena = left.length < room ? Buffer.allocUnsafe(ARENA_BYTES) : left;
    for (const follower of this.#followers) write(follower, batch);
    this.#log?.append(batch, this.#number);
  };

  #vote(device: number, upTo: number): void {
    this.#durable[device] = upTo;
    const majority = this.#durable.length >> 1;
    const issued = [...this.#durable].sort((a, b) => b - a)[majority] ?? 0;
    if (issued > this.#issued) this.#answer(issued);
  }

  /** One write for each client. */
  #answer(issued: number): void {
    const until = this.#answered + issued - this.#issued;
    this.#issued = issued;
    const byAsker = new Map<Socket, number[]>();
    for (let i = this.#answered; i < until; i++) {
      const asker = this.#askers[i]!;
      const names = byAsker.get(asker);
      if (names === undefined) byAsker.set(asker, [this.#names[i]!]);
      else names.push(this.#names[i]!);
    }
    this.#answered = until;
    if (until > BATCH_MOST) {
      this.#askers = this.#askers.slice(until);
      this.#names = this.#names.slice(until);
      this.#answered = 0;
    }
    for (const [asker, names] of byAsker) {
      const answers = Buffer.allocUnsafe(ANSWER_BYTES * names.length);
      names.forEach((name, i) => void answers.writeUInt32LE(name, ANSWER_BYTES * i));
      write(asker, answers);
    }
  }
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

function serve(admit: (socket: Socket) => void): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    // Clients come and go.
    socket.on('error', () => {});
    admit(socket);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

async function lead(order: CeilingOrder): Promise<number> {
  const leader = await Leader.start(order);
  return serve((socket) => {
    const cutter = new Cutter(REQUEST_BYTES);
    const take = (bytes: Buffer, at: number) => leader.request(socket, bytes, at);
    socket.on('data', (chunk: Buffer) => cutter.push(chunk, take));
  });
}

process.once('disconnect', () => process.exit(0));
process.once('message', (order: CeilingOrder) => {
  const work = order.followers.length === 0 ? follow(order) : lead(order);
  work.then(
    (port) => process.send?.({ port }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
