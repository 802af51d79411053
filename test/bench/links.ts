/**
 * `links`: messages per second over one peer link between two processes on loopback, one way and there and back, with
 * everything a region server does to them: encode, frame, checksum, verify, decode.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { encodeEnvelope } from '../../schemas/support/envelope.ts';
import type { Command } from '../../server/consensus/types.ts';
import { createLinks, type NetLinks } from '../../server/links/net.ts';
import type { PeerMessage } from '../../server/links/types.ts';
import { median, percentile, round, table } from './statistics.ts';

const REGIONS = ['eu', 'us'];
const SINK = 'sink';

function makeLinks(
  self: number,
  ports: readonly number[],
  take: (message: PeerMessage) => void,
  up: () => void,
): NetLinks {
  return createLinks(
    {
      self,
      regions: REGIONS,
      peers: ports.map((port) => ({ host: '127.0.0.1', port })),
      secret: 'secret of a benchmark',
      cluster: 'bench',
      version: 'bench',
      folder: { store: `store-${self}`, peerStore: () => null, rememberPeer: async () => {} },
      logger: { info: () => {}, warn: () => {} },
    },
    { message: (_, __, message) => take(message), link: (_, isUp) => isUp && up() },
  );
}

function command(number: number, deltaBytes: number): Command {
  const bytes = encodeEnvelope({
    number,
    born: 4,
    precedent: number === 1 ? 0 : 4,
    time: 1_700_000_000_000,
    session: 's-5f3a9c21d07b4e68',
    sequence: number,
    origin: { region: 1, request: number },
    action: 'transfer',
    result: '{"A":400,"B":100}',
    delta: new Uint8Array(deltaBytes).fill(1),
    timersSet: [],
    timerFired: 0,
    timersCancelled: [],
    tables: { low: 1, high: 2 },
    system: { low: 3, high: 4 },
  });
  return { number, born: 4, precedent: number === 1 ? 0 : 4, bytes };
}

/** The other process: counts, and answers a heartbeat with its acknowledgement. */
function sink(port: number): void {
  let commands = 0;
  const links = makeLinks(
    1,
    [port, 0],
    (message) => {
      if (message.kind === 'begin-ballot') commands += message.commands.length;
      if (message.kind !== 'heartbeat') return;
      links.send('w', 0, {
        kind: 'heartbeat-ack',
        ballot: 4,
        nextBal: 4,
        upTo: commands,
        sequence: message.sequence,
        rest: false,
      });
    },
    () => {},
  );
  void links.start();
  process.once('disconnect', () => void links.close());
}

class Bench {
  readonly links: NetLinks;
  readonly up: Promise<void>;
  #waiting: { readonly sequence: number; readonly done: () => void } | null = null;
  #sequence = 0;
  #number = 0;

  constructor() {
    let isUp = (): void => {};
    this.up = new Promise((resolve) => {
      isUp = resolve;
    });
    const take = (message: PeerMessage): void => {
      if (message.kind !== 'heartbeat-ack' || message.sequence !== this.#waiting?.sequence) return;
      const { done } = this.#waiting;
      this.#waiting = null;
      done();
    };
    this.links = makeLinks(0, [0, 0], take, () => isUp());
  }

  /** Resolves once the sink has taken everything sent before. */
  async roundTrip(): Promise<void> {
    const sequence = ++this.#sequence;
    const answered = new Promise<void>((done) => {
      this.#waiting = { sequence, done };
    });
    this.links.send('w', 1, { kind: 'heartbeat', ballot: 4, upTo: 0, born: 0, sequence, rest: false });
    await answered;
  }

  async latency(seconds: number): Promise<number[]> {
    const samples: number[] = [];
    const end = performance.now() + seconds * 1000;
    for (let now = performance.now(); now < end; ) {
      await this.roundTrip();
      const before = now;
      now = performance.now();
      samples.push(now - before);
    }
    return samples;
  }

  /** Per second, `perTurn` messages in each turn and at most 64 turns ahead of the sink. */
  async oneWay(seconds: number, perTurn: number, make: (n: number) => PeerMessage): Promise<number> {
    const begin = performance.now();
    let count = 0;
    while (performance.now() - begin < seconds * 1000) {
      for (let turn = 0; turn < 64; turn++) {
        for (let i = 0; i < perTurn; i++) this.links.send('w', 1, make(++this.#number));
        count += perTurn;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await this.roundTrip();
    }
    return count / ((performance.now() - begin) / 1000);
  }
}

export async function links(options: { readonly rounds: number; readonly seconds: number }): Promise<object> {
  const bench = new Bench();
  await bench.links.start();
  const { port } = bench.links.address();
  const child = fork(fileURLToPath(import.meta.url), [SINK, String(port)], { execArgv: process.execArgv });
  try {
    await bench.up;
    const small = (n: number): PeerMessage => ({
      kind: 'voted',
      ballot: 4,
      ranges: [{ first: n, last: n, born: 4 }],
    });
    const hundred = Array.from({ length: 100 }, (_, i) => command(i + 1, 64));
    const ballots = (): PeerMessage => ({ kind: 'begin-ballot', ballot: 4, commands: hundred });
    const figures = { oneATurn: [], fiftyATurn: [], commands: [] } as { [name: string]: number[] };
    const trips: number[] = [];
    for (let i = 0; i < options.rounds; i++) {
      trips.push(...(await bench.latency(options.seconds)));
      figures['oneATurn']!.push(await bench.oneWay(options.seconds, 1, small));
      figures['fiftyATurn']!.push(await bench.oneWay(options.seconds, 50, small));
      figures['commands']!.push(100 * (await bench.oneWay(options.seconds, 1, ballots)));
    }
    const result = {
      roundTripP50Ms: round(percentile(trips, 0.5), 4),
      roundTripP99Ms: round(percentile(trips, 0.99), 4),
      messagesPerSecondOneATurn: Math.round(median(figures['oneATurn']!)),
      messagesPerSecondFiftyATurn: Math.round(median(figures['fiftyATurn']!)),
      commandsPerSecondInBallots: Math.round(median(figures['commands']!)),
      commandBytes: hundred[0]!.bytes.length,
      dropped: bench.links.status()[0]?.dropped ?? 0,
    };
    console.log(table([['links', ''], ...Object.entries(result)]));
    return result;
  } finally {
    const exited = once(child, 'exit');
    child.disconnect();
    await exited;
    await bench.links.close();
  }
}

if (process.argv[2] === SINK) sink(Number(process.argv[3]));
