/** One load from several generators, each in a process of its own. */
import type { LoadOrder, LoadReport } from './load.ts';
import { ask } from './processes.ts';

/** Shares an order out between generators, and puts their reports together. */
export async function load(order: LoadOrder, generators: number): Promise<LoadReport> {
  const share = (whole: number, at: number) =>
    Math.floor(whole / generators) + (at < whole % generators ? 1 : 0);
  const reports = await Promise.all(
    Array.from({ length: generators }, (_, at) => {
      const rate = order.rate === undefined ? {} : { rate: order.rate / generators };
      const [sockets, inFlight] = [share(order.sockets, at), share(order.inFlight, at)];
      return ask<LoadOrder, LoadReport>('./load.ts', { ...order, ...rate, sockets, inFlight });
    }),
  );
  const failed: { [code: string]: number } = {};
  for (const report of reports)
    for (const [code, count] of Object.entries(report.failed)) failed[code] = (failed[code] ?? 0) + count;
  const sum = (of: (report: LoadReport) => number) => reports.reduce((total, each) => total + of(each), 0);
  return {
    answered: sum(({ answered }) => answered),
    failed,
    seconds: sum(({ seconds }) => seconds) / generators,
    latencies: reports.flatMap(({ latencies }) => latencies),
    cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    // Each of them took the same servers' time, over nearly the same seconds.
    serverCpuSeconds: sum(({ serverCpuSeconds }) => serverCpuSeconds) / generators,
    serverThreads: reports[0]?.serverThreads ?? [],
  };
}
