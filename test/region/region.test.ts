/** Whole regions in this process, with links, stores and gateways. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { readServeOptions } from '../../server/cli/serve-options.ts';
import { clusterDigest } from '../../server/config.ts';
import { weightsOf } from '../../server/region/consensus-config.ts';
import { Region } from '../../server/region.ts';
import { freePorts } from '../cluster/harness.ts';
import { memoryStores, Node, until } from '../links/support.ts';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(regions: readonly string[], worlds: string) {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-region-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const ports = await freePorts(regions.length + 2);
  const peers = regions.map((region, at) => `${region}=127.0.0.1:${ports[at]}`).join(',');
  const [listen, admin] = ports.slice(regions.length).map((port) => `127.0.0.1:${port}`) as [string, string];
  const { config } = readServeOptions(
    [
      ...['--region', regions[0] as string, '--peers', peers, '--data', folder, '--worlds', worlds],
      ...['--listen', listen, '--admin', admin],
    ],
    {},
  );
  const lines: { event?: string; from?: string }[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const region = await Region.start(config, log as never, () => {});
  ends.push(() => region.drain());
  return { region, config, lines };
}

describe('a region server', () => {
  it('leaves with many worlds without asking all of them in each pass of the event loop', async () => {
    const worlds = 500;
    const { region } = await start(['eu'], `w{1..${worlds}}=warehouse`);
    const passes = vi.spyOn(globalThis, 'setImmediate');
    await region.drain();
    expect(passes.mock.calls.length).toBeLessThan(worlds / 2);
  }, 30_000);

  it('[EDGE3] answers each fault that is not allowed here, and logs one in a while', async () => {
    const { config, lines } = await start(['eu', 'us', 'ap'], 'warehouse');
    const us = new Node(1, [...config.peers], {
      secret: config.secret,
      cluster: clusterDigest(config.regions, weightsOf(config)),
      folder: memoryStores('store-us'),
    });
    ends.push(() => us.links.close());
    await us.links.start();
    await until('linked', () => us.connected().includes('eu'));
    const asked = 50;
    for (let fault = 1; fault <= asked; fault++)
      us.links.note(0, JSON.stringify({ fault, order: { kind: 'kill', region: 'eu' } }));
    await until('answered', () => us.notes.length === asked);
    expect(us.notes[0]).toContain('forbidden');
    expect(lines.filter(({ event }) => event === 'fault')).toMatchObject([{ from: 'us' }]);
  }, 30_000);
});
