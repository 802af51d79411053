/** All benchmarks by name. Each is loaded only when it runs. */
import type { BenchOptions } from './args.ts';

export interface Benchmark {
  readonly about: string;
  readonly run: (options: BenchOptions) => Promise<object>;
}

export const BENCHMARKS: { readonly [name: string]: Benchmark } = {
  commits: {
    about:
      'issued actions a second and latency by actions in flight: three server processes, real stable storage',
    run: async (options) => (await import('./commits.ts')).commits(options),
  },
  peers: {
    about:
      'the same writes to us, etcd, ZooKeeper and Redis in one run; says what is missing; --install, --only',
    run: async (options) => (await import('./peers.ts')).peers(options),
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
