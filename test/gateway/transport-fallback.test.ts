/** Where uWebSockets.js does not load. */
import { afterEach, expect, it, vi } from 'vitest';
import { closeAll, openSite, RawClient, until } from './support.ts';

vi.mock('uWebSockets.js', () => {
  throw new Error('This version of uWS.js is not for this machine.\n\nMore words.');
});

afterEach(closeAll);

it('takes ws instead, with one warning', async () => {
  const site = await openSite({ transport: 'auto' });
  expect(site.gateway.stats().transport).toBe('ws');
  expect(site.log.loud).toHaveLength(1);
  expect(site.log.loud[0]).toMatchObject({ level: 'warn', fields: { event: 'transport', transport: 'ws' } });
  const client = await RawClient.join(site);
  client.act(1, 'inbound', { to: 'A', amount: 1 });
  await until('an answer', () => client.answers.length === 1);
});

it('fails where only uWebSockets.js would do', async () => {
  await expect(openSite({ transport: 'uws' })).rejects.toThrow();
});
