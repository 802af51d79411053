/**
 * How much of a latency is the generator's own? Bots play against a real gateway over a world that answers at once, at ever
 * higher rates until the generator says that it is the limit; then at half of that. What is measured there is an upper
 * bound of what it adds to any figure. `npm run build && npx tsx test/bots/self-check-main.ts`; JSON on the last line.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../bots/report/types.ts';
import { closeAll, openSite } from '../gateway/support.ts';

const BOTS = 50;
const SECONDS = 4;
/** Acts a second of each bot. */
const RATES = [5, 10, 20, 40, 80, 160];

const folder = mkdtempSync(join(tmpdir(), 'throughline-generator-'));

async function measure(port: number, rate: number): Promise<Report> {
  const file = join(folder, 'report.json');
  const argv = [
    'bin/throughline.mjs',
    'bots',
    '--url',
    `ws://127.0.0.1:${port}`,
    '--world',
    'warehouse',
    '--quiet',
  ];
  const load = [
    '--bots',
    String(BOTS),
    '--rate',
    String(rate),
    '--seconds',
    String(SECONDS),
    '--ramp',
    '0.5',
  ];
  const child = spawn(process.execPath, [...argv, ...load, '--workers', '1', '--json', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: process.env['PATH'], THROUGHLINE_NO_BUILD: '1' },
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0 && code !== 1) throw new Error(`bots ended with ${code}`);
  return JSON.parse(readFileSync(file, 'utf8')) as Report;
}

function told({ load, trends, counts, generator }: Report) {
  const { issued, late } = trends;
  const two = (value: number) => Math.round(value * 100) / 100;
  return {
    rate: load.rate * load.bots,
    issuedPerSecond: Math.round(counts.issued / load.seconds),
    issuedMs: { p50: two(issued.med), p99: two(issued.p99) },
    lateMs: { p50: two(late.med), p99: two(late.p99) },
    busy: two(generator.busy),
    cpuSeconds: two(generator.cpuSeconds),
    limit: generator.limit,
  };
}

const site = await openSite();
try {
  const steps = [];
  for (const rate of RATES) {
    let step = told(await measure(site.port, rate));
    console.log(JSON.stringify(step));
    // Somebody else on this machine may have had a busy second: once more.
    if (step.limit) step = told(await measure(site.port, rate));
    steps.push(step);
    if (step.limit) break;
  }
  const top = steps.findLast(({ limit }) => !limit) ?? steps[0];
  if (top?.limit) console.log('It is the limit at any rate: this machine has too much else to do.');
  const half = told(await measure(site.port, (top?.rate ?? BOTS) / BOTS / 2));
  console.log(
    `At half of its top rate, ${half.rate} acts a second by ${BOTS} bots, the generator and a gateway that answers at once ` +
      `add ${half.issuedMs.p50} ms (median) and ${half.issuedMs.p99} ms (p99); turns are late by ${half.lateMs.p50} and ${half.lateMs.p99} ms.`,
  );
  console.log(
    JSON.stringify({ name: 'generator', bots: BOTS, seconds: SECONDS, steps, top: top?.rate, half }),
  );
} finally {
  await closeAll();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
