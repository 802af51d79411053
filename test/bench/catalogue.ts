/** All benchmarks by name. Each is loaded only when it runs. */
import type { BenchOptions } from './args.ts';

export interface Benchmark {
  readonly about: string;
  readonly run: (options: BenchOptions) => Promise<object>;
}

export const BENCHMARKS: { readonly [name: string]: Benchmark } = {
  commits: {
    about:
      'issued actions a second and latency by actions in flight, beside the floor of a lone one: three server processes, real stable storage',
    run: async (options) => (await import('./commits.ts')).commits(options),
  },
  cores: {
    about:
      'what worker threads bring: four busy worlds led by one server with 0, 1, 2 (4) workers, issued per second of the busiest thread, what a lone action pays; --counts worlds',
    run: async (options) => (await import('./cores.ts')).cores(options),
  },
  peers: {
    about:
      'the same writes to us, etcd, ZooKeeper, Redis and a plain system that shows the ceiling of this runtime, in one run; says what is missing; --install, --only',
    run: async (options) => (await import('./peers.ts')).peers(options),
  },
  failover: {
    about:
      'pause of acknowledged actions when the leader is killed, frozen, cut off; --times N; with --peers etcd and ZooKeeper, too',
    run: async (options) => (await import('./failover.ts')).failover(options),
  },
  elections: {
    about:
      'changes of leader although nobody failed, at saturation with a core kept busy; --minutes M; with --peers etcd, too',
    run: async (options) => (await import('./elections.ts')).elections(options),
  },
  recovery: {
    about: 'a killed server is current again after 100,000 commands; with --peers etcd and ZooKeeper, too',
    run: async (options) => (await import('./recovery.ts')).recovery(options),
  },
  memory: {
    about: 'resident memory of a server: idle, for each connected client; heap of a row',
    run: async (options) => (await import('./memory.ts')).memory(options),
  },
  fanout: {
    about: 'frames delivered per CPU second to 1,000 sockets, beside a bare uWS publish and a Colyseus room',
    run: async (options) => (await import('./fanout.ts')).fanout(options),
  },
  players: {
    about:
      'the most players who see their own move within 100 ms, 10 and 20 a second each, beside a Colyseus Schema room (--stream, --rates; --counts: no search)',
    run: async (options) => (await import('./players.ts')).players(options),
  },
  wide: {
    about:
      'regions 80, 150 and 220 ms apart: act to issued and act to seen for a client in each, by who leads and who counts votes, beside the theory',
    run: async (options) => (await import('./wide.ts')).wide(options),
  },
  'idle-worlds': {
    about: 'traffic between servers and processor time of worlds in which nothing happens',
    run: async (options) => (await import('./idle-worlds.ts')).idleWorlds(options),
  },
  codec: {
    about: 'nanoseconds of encoding, verifying and decoding a warehouse transfer; one thread, no server',
    run: async (options) => (await import('./codec.ts')).codec(options),
  },
  execute: {
    about: 'nanoseconds of running and of applying a warehouse transfer; one thread, no server',
    run: async ({ rounds }) => (await import('./execute.ts')).measureExecute(rounds),
  },
  consensus: {
    about:
      'nanoseconds of the consensus core per command and device, by commands in a batch; no disk, no sockets',
    run: async () => (await import('./consensus.ts')).consensus(),
  },
  storage: {
    about: 'entries per second on stable storage by group size, and the time to open and read a large log',
    run: async (options) => (await import('./storage.ts')).storage(options),
  },
  host: {
    about:
      'CPU of the pure rooms per action, by actions in a turn: three whole world hosts in one process, no disk, no sockets',
    run: async (options) => (await import('./host.ts')).host(options),
  },
  links: {
    about: 'messages per second and round trips between two processes over the peer link',
    run: async (options) => (await import('./links.ts')).links(options),
  },
};
