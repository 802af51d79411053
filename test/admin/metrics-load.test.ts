/** What makes the metrics' text is loaded late: what becomes of an admin port where that fails. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createAdmin } from '../../server/admin/admin.ts';
import type * as MetricsModule from '../../server/admin/metrics.ts';
import { FakeWorld } from '../gateway/fake-world.ts';
import { request, TestLog } from '../gateway/support.ts';

const disk = vi.hoisted(() => ({ broken: true, asked: () => {} }));

vi.mock('../../server/admin/metrics.ts', async (original) => {
  const { Metrics } = await original<typeof MetricsModule>();
  class Loaded extends Metrics {
    constructor(...sources: ConstructorParameters<typeof Metrics>) {
      disk.asked();
      if (disk.broken) throw new Error('the file cannot be read');
      super(...sources);
    }
  }
  return { Metrics: Loaded };
});

const unhandled: unknown[] = [];
const note = (cause: unknown) => unhandled.push(cause);
beforeEach(() => {
  disk.broken = true;
  disk.asked = () => {};
  process.on('unhandledRejection', note);
});
afterEach(() => {
  process.off('unhandledRejection', note);
  unhandled.length = 0;
});

async function openAdmin() {
  const log = new TestLog();
  const admin = createAdmin({
    ...{ host: '127.0.0.1', port: 0, token: null, region: 'eu', regions: ['eu'], version: '0.1.0' },
    ...{ worlds: [new FakeWorld()], peers: () => [], logger: log },
  });
  const { port } = await admin.start();
  return { admin, log, scrape: () => request(`http://127.0.0.1:${port}/metrics`) };
}

it('[EDGE3] tries again with the next scrape', async () => {
  const { admin, log, scrape } = await openAdmin();
  try {
    const failed = await Promise.all([scrape(), scrape()]);
    expect(failed.map(({ status, json }) => [status, json.error])).toEqual([
      [500, 'internal'],
      [500, 'internal'],
    ]);
    expect(log.loud.length).toBeGreaterThan(0);
    disk.broken = false;
    const { status, text } = await scrape();
    expect([status, text.includes('throughline_commands_applied')]).toEqual([200, true]);
  } finally {
    await admin.close();
  }
});

it.each(['after', 'during'])(
  'closes %s a load that fails without a rejection that nobody handles',
  async (when) => {
    const { admin, scrape } = await openAdmin();
    let closed: Promise<void> | null = null;
    if (when === 'during')
      disk.asked = () => {
        closed = admin.close();
      };
    // Closing cuts it off.
    await scrape().catch(() => {});
    await (closed ?? admin.close());
    expect(closed !== null).toBe(when === 'during');
    // Node tells of such rejections when the microtasks of a turn are done.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  },
);
