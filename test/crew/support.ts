/** Both ends of a line over a real MessageChannel, in one thread. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { createCounters, Line, type LineHandlers, type Port } from '../../server/crew/line.ts';

const open: MessagePort[] = [];

/** Call from afterEach. */
export function closePorts(): void {
  for (const port of open.splice(0)) port.close();
}

export interface Ends<A, B> {
  readonly here: Line<A, B>;
  readonly there: Line<B, A>;
  /** Messages that `here` posted. */
  readonly posted: unknown[];
}

export function ends<A, B>(
  here: Partial<LineHandlers<B>> = {},
  there: Partial<LineHandlers<A>> = {},
): Ends<A, B> {
  const { port1, port2 } = new MessageChannel();
  open.push(port1, port2);
  const counters = createCounters();
  const posted: unknown[] = [];
  const counted: Port = {
    postMessage: (value, transfer) => {
      posted.push(value);
      port1.postMessage(value, transfer);
    },
    on: (event, listener) => port1.on(event, listener as (value: unknown) => void),
  };
  const nobody = { take: () => {}, answer: () => undefined };
  return {
    here: new Line<A, B>(counted, counters, 0, { ...nobody, ...here }),
    there: new Line<B, A>(port2 as unknown as Port, counters, 1, { ...nobody, ...there }),
    posted,
  };
}

export async function until(what: string, condition: () => boolean, ms = 5_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
