/** What Colyseus would load, and nobody uses, stays on the disk. */
import { createRequire } from 'node:module';
import { afterEach, expect, it } from 'vitest';
import { closeAll, openSite, RawClient } from './support.ts';

afterEach(closeAll);

it("a gateway does not load pm2's probe, which would hook into every require", async () => {
  const site = await openSite({});
  await RawClient.join(site);
  const core = createRequire(createRequire(import.meta.url).resolve('@colyseus/core'));
  // Colyseus asked for it when its matchmaker was set up; this comes after that.
  const probe = (await import(core.resolve('@pm2/io'))) as { default: object };
  expect(Object.keys(probe.default)).toEqual(['metric']);
  expect(Object.keys(core.cache).filter((path) => path.includes('require-in-the-middle'))).toEqual([]);
});
