/** The demo from outside: as a process, and in a real browser while its leader is killed. */
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientWorld } from '../../client/index.ts';
import type { arena } from '../../game-logic/worlds/arena/index.ts';
import { demo as runDemo } from '../../server/cli/demo.ts';
import { UsageError } from '../../server/cli/usage.ts';
import { until } from '../cluster/harness.ts';
import { installed, openBrowser } from './browser.ts';
import { DemoProcess, freeFirstPort } from './demo-process.ts';

interface ArenaState {
  readonly tables: { readonly match: readonly { readonly opponents: number }[] };
}

declare const throughline: { world: ClientWorld<typeof arena.schema> };

if (!installed)
  console.warn('SKIPPED: no Chromium on this machine, so the page is not tested (apt install chromium)');

const demos: DemoProcess[] = [];
const cleanUps: (() => Promise<void>)[] = [];
async function newDemo(): Promise<DemoProcess> {
  const demo = new DemoProcess(await freeFirstPort());
  demos.push(demo);
  return demo;
}
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
  for (const demo of demos.splice(0)) await demo.end();
});

async function guest(demo: DemoProcess, world: string): Promise<{ [name: string]: string }> {
  const response = await fetch(`${demo.client('eu')}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ world }),
  });
  const { token } = (await response.json()) as { token: string };
  return { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
}

async function serves(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2_000) }).catch(() => null);
  return answer?.ok === true;
}

describe('throughline demo', () => {
  it('names the port that is taken, and starts nothing', async () => {
    const demo = await newDemo();
    const blocker = createServer().listen(demo.port + 5_001, '127.0.0.1');
    demo.start();
    expect(await demo.exit).toBe(1);
    blocker.close();
    expect(demo.err).toContain(String(demo.port + 5_001));
    expect(demo.err).toContain('--port');
    expect(demo.out).toBe('');
    await demo.gone();
  }, 40_000);

  it('says what is wrong with its options', async () => {
    for (const wrong of [
      ['--regions', 'eu,eu'],
      ['--regions', 'EU'],
      ['--bots', 'many'],
      ['--bots', '25'],
      ['--port', '70000'],
      ['more'],
    ])
      await expect(runDemo(wrong, {}), wrong.join(' ')).rejects.toBeInstanceOf(UsageError);
  });

  it('keeps its secrets to itself, starts a crashed region again, and leaves no process behind however it ends', async () => {
    const demo = await newDemo();
    demo.start(['--bots', '2']);
    await demo.ready();
    // Plain lines where there is no terminal.
    expect(demo.out).not.toContain('\x1b');
    expect(demo.out).toContain(`${demo.client('eu')}/`);
    expect(statSync(join(demo.data, 'keys.json')).mode & 0o777).toBe(0o600);
    const config = (await (await fetch(`${demo.client('us')}/page-config.json`)).json()) as {
      servers: string[];
    };
    expect(config.servers).toEqual(['eu', 'us', 'ap'].map((_, i) => `ws://127.0.0.1:${demo.port + i}`));

    const headers = await guest(demo, 'warehouse');
    const act = await fetch(`${demo.client('ap')}/v1/worlds/warehouse/actions`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ sequence: 1, action: 'inbound', args: { to: 'A', amount: 400 } }),
    });
    expect(await act.json()).toMatchObject({ result: { A: 400 } });
    const arenaUrl = `${demo.client('us')}/v1/worlds/arena/state`;
    const reader = await guest(demo, 'arena');
    await until('two opponents to be wanted', async () => {
      const { tables } = (await (await fetch(arenaUrl, { headers: reader })).json()) as ArenaState;
      return tables.match[0]?.opponents === 2;
    });

    await demo.admin('us', '/api/faults', { kill: 'us' });
    await until('the demo to notice', () => demo.out.includes('us died (SIGKILL)'));
    await until('us to be back', () => serves(demo.client('us')), 30_000);

    demo.signal('SIGKILL');
    expect(await demo.exit).toBe('SIGKILL');
    await demo.gone();

    demo.start();
    await demo.ready();
    const kept = await fetch(`${demo.client('eu')}/v1/worlds/warehouse/state?consistency=linearizable`, {
      headers,
    });
    expect(await kept.json()).toMatchObject({ tables: { warehouse: [{ id: 'A', amount: 400 }, {}, {}] } });
    expect(readFileSync(join(demo.data, 'keys.json'), 'utf8')).toContain(demo.adminToken);
    demo.signal('SIGTERM');
    expect(await demo.exit).toBe(0);
    await demo.gone();
  }, 120_000);
});

describe.skipIf(!installed)('the page', () => {
  it('is played in two tabs through different regions, while the leader is killed', async () => {
    const demo = await newDemo();
    demo.start();
    const browser = await openBrowser();
    cleanUps.push(() => browser.close());
    await demo.ready();
    const errors: string[] = [];
    browser.context.on('weberror', (error) => errors.push(error.error().message));

    const [ann, bob] = [
      await openPage(browser.context.pages()[0] ?? (await browser.context.newPage()), demo.client('eu')),
      await openPage(await browser.context.newPage(), demo.client('us')),
    ];
    const [annId, bobId] = [await sessionOf(ann), await sessionOf(bob)];
    expect(annId).not.toBe(bobId);
    await ann.waitForFunction((id) => throughline.world.tables.player.has(id), bobId);
    expect(await ann.textContent('#region')).toBe('eu');
    expect(await bob.textContent('#region')).toBe('us');

    await expectWalk(ann, bob, annId);
    await bob.bringToFront();
    await bob.keyboard.press('Enter');
    await bob.keyboard.type('is <b>this</b> on?');
    await bob.keyboard.press('Enter');
    // Text stays text.
    await ann.waitForFunction(() =>
      document.querySelector('#chat')?.textContent?.includes('is <b>this</b> on?'),
    );

    const leader = await demo.leader();
    await demo.admin(leader, '/api/faults', { kill: leader });
    for (const page of [ann, bob]) {
      await page.waitForFunction(() =>
        /^[1-9]\d* leader change/.test(document.querySelector('#changes')?.textContent ?? ''),
      );
      await page.waitForFunction(() => throughline.world.status.phase === 'live');
    }
    await expectWalk(ann, bob, annId);
    await expectWalk(bob, ann, bobId);

    // Her page comes from the server that may just have been killed.
    await until('eu to serve pages', () => serves(demo.client('eu')), 30_000);
    await ann.reload();
    await ann.waitForFunction(() => Object.hasOwn(globalThis, 'throughline'));
    expect(await sessionOf(ann)).toBe(annId);
    await expectWalk(ann, bob, annId);

    const folder = mkdtempSync(join(tmpdir(), 'throughline-page-'));
    await bob.bringToFront();
    await bob.screenshot({ path: join(folder, 'arena.png') });
    console.info(`screenshot: ${join(folder, 'arena.png')}`);
    expect(errors).toEqual([]);
  }, 120_000);
});

async function openPage(page: Page, url: string): Promise<Page> {
  page.setDefaultTimeout(30_000);
  await page.goto(url);
  await page.waitForFunction(() => 'throughline' in globalThis);
  await page.waitForFunction(() => throughline.world.tables.player.has(throughline.world.session));
  return page;
}

function sessionOf(page: Page): Promise<string> {
  return page.evaluate(() => throughline.world.session);
}

/** Who walks here is seen to walk there, at the same place in the end. */
async function expectWalk(page: Page, other: Page, id: string): Promise<void> {
  const placeIn = (where: Page) =>
    where.evaluate((player) => {
      const row = throughline.world.tables.player.get(player);
      return row ? [row.x, row.y, row.alive] : null;
    }, id);
  await page.bringToFront();
  await until('the player to be up', async () => (await placeIn(page))?.[2], 15_000);
  const before = JSON.stringify(await placeIn(other));
  const moved = async (where: Page) => JSON.stringify(await placeIn(where)) !== before;
  // One of two opposite ways is open; who is struck down meanwhile gets up again.
  const keys = ['KeyD', 'KeyA'];
  await until(
    'some steps',
    async () => {
      const key = keys.shift()!;
      keys.push(key);
      await page.keyboard.down(key);
      const walked = await until('a step', () => moved(page), 1_500).catch(() => false);
      await page.keyboard.up(key);
      return walked;
    },
    20_000,
  );
  await until('the other tab to show it', () => moved(other), 15_000);
}
