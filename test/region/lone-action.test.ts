/** Three whole regions in this process, their links, stores and gateways; then time stands still for them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { readServeOptions } from '../../server/cli/serve-options.ts';
import { Region } from '../../server/region.ts';
import { WorldLine } from '../bench/lines/world-line.ts';
import { freePorts, until } from '../cluster/harness.ts';

const REGIONS = ['eu', 'us', 'ap'];
const ACTIONS = 20;
/** A hundred times what they take. */
const DEADLINE_MS = 5_000;

const realSetTimeout = globalThis.setTimeout;
const folder = mkdtempSync(join(tmpdir(), 'throughline-lone-'));
const regions: Region[] = [];
const lines: WorldLine[] = [];

beforeAll(async () => {
  const ports = await freePorts(9);
  const peers = REGIONS.map((region, at) => `${region}=127.0.0.1:${ports[at]}`).join(',');
  await Promise.all(
    REGIONS.map(async (region, at) => {
      const args = [
        ...['--region', region, '--peers', peers, '--data', join(folder, region), '--worlds', 'warehouse'],
        ...['--listen', `127.0.0.1:${ports[3 + at]}`, '--admin', `127.0.0.1:${ports[6 + at]}`, '--guests'],
      ];
      const { config } = readServeOptions(args, {});
      regions.push(await Region.start(config, pino({ level: 'silent' }) as never, () => {}));
    }),
  );
  for (const at of REGIONS.keys()) {
    const port = ports[3 + at] as number;
    // No leader, no seat: it comes to that.
    lines.push(
      await until('a seat', () => WorldLine.open({ host: '127.0.0.1', port }).catch(() => undefined)),
    );
  }
  await lines[0]?.prepare(['A', 'B']);
}, 30_000);

afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  for (const line of lines) line.close();
  await Promise.all(regions.map((region) => region.drain()));
  rmSync(folder, { recursive: true, force: true });
});

const act = (line: WorldLine) =>
  new Promise<void>((resolve, reject) => {
    line.inbound('A', (failure) => (failure === null ? resolve() : reject(new Error(failure))));
  });

it('[ANS1] a lone action waits for no timer, whatever region it comes to', async () => {
  // Each joins its session first.
  for (const line of lines) await act(line);
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void) =>
    realSetTimeout(run, 1_000_000).unref()) as never);
  const late = new Promise<string>((resolve) => {
    realSetTimeout(() => resolve('late'), DEADLINE_MS).unref();
  });
  let answered = 0;
  const all = async () => {
    for (const line of lines)
      for (let i = 0; i < ACTIONS; i++) {
        await act(line);
        answered++;
      }
    return 'in time';
  };
  expect([await Promise.race([all(), late]), answered]).toEqual(['in time', ACTIONS * lines.length]);
});
