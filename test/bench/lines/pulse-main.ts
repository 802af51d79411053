/**
 * Clients that act at fixed times, whether or not anybody answers, at every server of a cluster; told by IPC which time to report on. A line
 * that broke is opened again.
 */
import { longestGap } from '../gaps.ts';
import { pause, sharedClock } from '../processes.ts';
import type { Endpoint, Line, LineKind } from './line.ts';
import { openLine } from './open-line.ts';

export interface PulseOrder {
  readonly kind: LineKind;
  readonly endpoints: readonly Endpoint[];
  /** At each endpoint. */
  readonly lines: number;
  /** Time between two writes of one line. */
  readonly everyMs: number;
}

/** What happened at some endpoints from one time of the shared clock to another. */
export interface PulseQuestion {
  readonly at: readonly number[];
  readonly from: number;
  readonly to: number;
}

export interface PulseAnswer {
  readonly pauseMs: number;
  readonly acknowledged: number;
  readonly failed: number;
  /** When something was acknowledged last, on the shared clock. */
  readonly last: number;
}

/**
 * A line holds no more than this open; times to act that find it full are passed over. Ours is what the contract lets a session have; others
 * keep what they could not decide for seconds, which must not keep a client from asking again.
 */
const OUTSTANDING = { throughline: 64, others: 1_024 };
const AGAIN_MS = 50;
/** Kept for questions: an hour at a hundred a second. */
const KEPT = 400_000;

class Log {
  readonly acknowledged: number[] = [];
  readonly failed: number[] = [];

  note(failure: string | null): void {
    const list = failure === null ? this.acknowledged : this.failed;
    list.push(sharedClock());
    if (list.length > 2 * KEPT) list.splice(0, KEPT);
  }
}

async function keepActing(order: PulseOrder, endpoint: Endpoint, log: Log, phaseMs: number): Promise<never> {
  const most = order.kind === 'throughline' ? OUTSTANDING.throughline : OUTSTANDING.others;
  await pause(phaseMs);
  let line: Line | null = null;
  let open = 0;
  let due = performance.now();
  for (;;) {
    if (line === null || line.closed) {
      line = await openLine(order.kind, endpoint).catch(() => null);
      open = 0;
      if (line === null) await pause(AGAIN_MS);
      due = performance.now();
      continue;
    }
    if (open < most) {
      const mine = line;
      open += 1;
      line.put((failure) => {
        if (mine === line) open -= 1;
        log.note(failure);
      });
    }
    due += order.everyMs;
    await pause(Math.max(0, due - performance.now()));
  }
}

function start(order: PulseOrder): void {
  const logs = order.endpoints.map(() => new Log());
  const total = order.lines * order.endpoints.length;
  for (let i = 0; i < total; i++) {
    const at = i % order.endpoints.length;
    void keepActing(order, order.endpoints[at]!, logs[at]!, (i / total) * order.everyMs);
  }
  process.on('message', (question: PulseQuestion) => {
    const { at, from, to } = question;
    const within = (times: readonly number[]) => times.filter((time) => time > from && time <= to);
    const acknowledged = at.flatMap((index) => logs[index]?.acknowledged ?? []).sort((a, b) => a - b);
    const answer: PulseAnswer = {
      pauseMs: longestGap(acknowledged, from, to) * 1_000,
      acknowledged: within(acknowledged).length,
      failed: at.reduce((sum, index) => sum + within(logs[index]?.failed ?? []).length, 0),
      last: acknowledged.findLast((time) => time <= to) ?? 0,
    };
    process.send?.(answer);
  });
}

process.once('disconnect', () => process.exit(0));
process.once('message', (order: PulseOrder) => start(order));
