import { pino } from 'pino';

export type Logger = ReturnType<typeof createLogger>;

/** Bytes of lines that wait for a slow reader; beyond them lines are lost, not memory. */
const WAITING_BYTES = 4 << 20;

/** Where lines go: whole ones, each with its end. */
export interface LogSink {
  write(text: string): void;
}

/** One JSON object a line. `event` names what happened, for programs; `msg` says it in words. */
export function createLoggerTo(sink: LogSink, region: string, level = 'info') {
  return pino(
    {
      level,
      base: { region },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    sink,
  );
}

/**
 * The log of a process, on standard output. Lines are written in the background: a reader that does not keep up must not hold
 * up the game. `flushNow` before leaving.
 */
export function createLogger(region: string, level = 'info') {
  const destination = pino.destination({ dest: 1, sync: false, minLength: 0, maxLength: WAITING_BYTES });
  return Object.assign(createLoggerTo(destination, region, level), {
    /** Lines that were made elsewhere. */
    pass(text: string): void {
      destination.write(text);
    },
    /** Writes what is under way, now; for the last words of a process. */
    flushNow(): void {
      try {
        destination.flushSync();
      } catch {
        // The reader is gone, or the file was never opened: there is nobody to tell.
      }
    },
  });
}
