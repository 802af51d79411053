import { createLogger } from '../log.ts';
import { Region } from '../region.ts';
import { readServeOptions } from './serve-options.ts';

/** Contract: a server that is told to leave is gone within 5 s. */
const DRAIN_LIMIT_MS = 4_800;

/** Runs until it is told to leave; resolves with the exit code. */
export async function serve(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const { config, logLevel } = readServeOptions(argv, environment);
  const log = createLogger(config.region, logLevel);
  const { promise: left, leave } = departure();
  // Before the start: one that is told to leave while it replays its log starts, drains and ends in order.
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => leave({ code: 0, reason: signal }));
  let region: Region;
  try {
    region = await Region.start(config, log, (reason) => leave({ code: 1, reason }));
  } catch (error) {
    log.fatal({ event: 'failed', err: error }, 'this region server cannot start');
    log.flushNow();
    process.stderr.write(`throughline serve: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
  log.info({ event: 'ready', ...region.addresses });
  const { code, reason } = await left;
  log.info({ event: 'draining', reason });
  const limit = setTimeout(() => {
    log.warn({ event: 'drained', late: true }, 'did not finish in time');
    log.flushNow();
    process.exit(code);
  }, DRAIN_LIMIT_MS);
  await region.drain();
  clearTimeout(limit);
  log.info({ event: 'drained' });
  log.flushNow();
  return code;
}

interface Departure {
  readonly code: number;
  readonly reason: string;
}

/** The first reason to leave counts. */
function departure(): { promise: Promise<Departure>; leave: (departure: Departure) => void } {
  let leave: (departure: Departure) => void = () => {};
  const promise = new Promise<Departure>((resolve) => {
    leave = resolve;
  });
  return { promise, leave };
}
