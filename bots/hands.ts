/** The worker processes of a run: started, told what to do, listened to, and gone at the end. */
import { type ChildProcess, fork } from 'node:child_process';
import type { DoneReport, FromWorker, SecondReport, WorkerOrder } from './messages.ts';

/** Longer than a worker needs to start on a busy machine. */
const START_MS = 30_000;
/** After the end of the run and the wait for answers. */
const LATE_MS = 30_000;

export class Hands {
  readonly #children: ChildProcess[] = [];
  readonly #entry: string;

  constructor(entry: string) {
    this.#entry = entry;
    process.on('exit', this.#abandon);
  }

  /** Starts them; resolves when all processes run. */
  async start(count: number): Promise<void> {
    const started = Array.from({ length: count }, () => {
      const child = fork(this.#entry, ['bots', '--worker'], {
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: { ...process.env, THROUGHLINE_NO_BUILD: '1' },
      });
      this.#children.push(child);
      return new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error('a worker process does not start')), START_MS);
        const ended = () => {
          clearTimeout(late);
          reject(new Error('a worker process ended at its start'));
        };
        child.once('exit', ended);
        child.once('message', () => {
          clearTimeout(late);
          child.off('exit', ended);
          resolve();
        });
      });
    });
    await Promise.all(started);
  }

  /** Gives each its order; resolves with all their reports. Rejects when one fails. */
  async run(
    orders: readonly WorkerOrder[],
    onSecond: (worker: number, report: SecondReport) => void,
  ): Promise<DoneReport[]> {
    return Promise.all(
      orders.map((order, at) => this.#one(this.#children[at] as ChildProcess, order, (s) => onSecond(at, s))),
    );
  }

  /** No more turns; reports come as at the end. */
  stop(): void {
    for (const child of this.#children) if (child.connected) child.send({ kind: 'stop' });
  }

  close(): void {
    this.#abandon();
    process.off('exit', this.#abandon);
  }

  #one(
    child: ChildProcess,
    order: WorkerOrder,
    onSecond: (report: SecondReport) => void,
  ): Promise<DoneReport> {
    return new Promise((resolve, reject) => {
      const wait = order.startAt - Date.now() + order.seconds * 1_000 + order.settleMs + LATE_MS;
      const late = setTimeout(() => reject(new Error('a worker process did not report')), wait);
      child.once('exit', (code, signal) => {
        clearTimeout(late);
        reject(new Error(`a worker process ended early (${code ?? signal})`));
      });
      child.on('message', (report: FromWorker) => {
        if (report.kind === 'second') onSecond(report);
        else if (report.kind === 'failed') reject(new Error(report.reason));
        else if (report.kind === 'done') {
          clearTimeout(late);
          resolve(report);
        }
      });
      child.send(order);
    });
  }

  readonly #abandon = () => {
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL');
  };
}
