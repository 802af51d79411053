/** A worker process: takes its order from the process that started it, and reports to it. */
import { Crew } from './crew.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** Resolves with the exit code when everything is told. */
export function runWorker(): Promise<number> {
  // Ctrl-C reaches the whole group; the one who reports says when to stop.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit(1));
  let crew: Crew | null = null;
  let stopped = false;
  return new Promise((resolve) => {
    const tell = (report: FromWorker, then?: () => void) => process.send?.(report, () => then?.());
    tell({ kind: 'ready' });
    process.on('message', (message: ToWorker) => {
      if (message.kind === 'stop') {
        stopped = true;
        crew?.stop();
        return;
      }
      try {
        crew = new Crew(message);
        if (stopped) crew.stop();
        crew.run(tell).then(
          (done) => tell(done, () => resolve(0)),
          (error: unknown) => tell({ kind: 'failed', reason: words(error) }, () => resolve(1)),
        );
      } catch (error) {
        tell({ kind: 'failed', reason: words(error) }, () => resolve(1));
      }
    });
  });
}

const words = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));
