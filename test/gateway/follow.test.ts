/** GET …/commands: lines of JSON, for as long as somebody reads them. */
import { get, type IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { digestText } from '../../schemas/support/digest.ts';
import { closeAll, guest, openSite, post, request, type Site, type SiteOptions, until } from './support.ts';

afterEach(closeAll);

const linesOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line));

/** A stream that is read piece by piece. */
class Follower {
  text = '';
  /** The end of it: to look through megabytes every few milliseconds would be most of a test's work. */
  tail = '';
  ended = false;
  cut = false;
  status = 0;
  #reply: IncomingMessage | null = null;

  constructor(site: Site, query: string, token: string) {
    const url = `${site.http}/v1/worlds/warehouse/commands?${query}`;
    const call = get(url, { headers: { Authorization: `Bearer ${token}` } }, (reply) => {
      this.#reply = reply;
      this.status = reply.statusCode ?? 0;
      reply.setEncoding('utf8');
      reply.on('data', (piece) => {
        this.text += piece;
        this.tail = (this.tail + piece).slice(-1_000);
      });
      reply.on('end', () => {
        this.ended = true;
      });
      reply.on('error', () => {
        this.cut = true;
      });
    });
    call.on('error', () => {});
  }

  get numbers(): number[] {
    const whole = this.text.slice(0, this.text.lastIndexOf('\n') + 1);
    return whole === '' ? [] : linesOf(whole).map(({ number }) => number);
  }
  pause(): void {
    this.#reply?.pause();
  }
  resume(): void {
    this.#reply?.resume();
  }
  destroy(): void {
    this.#reply?.destroy();
  }
}

describe.each(['uws', 'ws'] as const)('commands over HTTP, %s', (transport) => {
  const openHere = (options: SiteOptions = {}) => openSite({ transport, ...options });

  it('writes each command as the contract says', async () => {
    const site = await openHere();
    const { token, session } = await guest(site);
    const act = (sequence: number, action: string, args: object) =>
      post(`${site.http}/v1/worlds/warehouse/actions`, { sequence, action, args }, token);
    await act(1, 'inbound', { to: 'A', amount: 9_007_199_254_740_991 });
    await act(2, 'open', { id: 'D' });
    const reply = await request(`${site.http}/v1/worlds/warehouse/commands?from=1`, { token });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe('application/x-ndjson');
    const lines = linesOf(reply.text);
    expect(lines[0]).toEqual({
      ...{
        number: 1,
        ballot: { round: 1, region: 'eu' },
        precedent: null,
        session,
        sequence: 1,
        action: 'inbound',
      },
      ...{ time: 1_700_000_000_000, result: { A: 9_007_199_254_740_991 } },
      changes: [{ table: 'warehouse', op: 'patch', key: 'A', row: { amount: 9_007_199_254_740_991 } }],
      digest: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(lines[1]).toMatchObject({
      ...{ number: 2, precedent: { round: 1, region: 'eu' }, sequence: 2, action: 'open' },
      changes: [{ table: 'warehouse', op: 'put', key: 'D', row: { id: 'D', amount: 0 } }],
      digest: digestText(site.world.state.digest),
    });
  });

  it('ends where it was asked to, or at the last command', async () => {
    const site = await openHere({ limits: { readBytes: 2_000 } });
    const { token } = await guest(site);
    site.world.append(100);
    const numbers = async (query: string) => {
      const { text } = await request(`${site.http}/v1/worlds/warehouse/commands?${query}`, { token });
      return text === '' ? [] : linesOf(text).map(({ number }) => number);
    };
    expect(await numbers('from=95')).toEqual([95, 96, 97, 98, 99, 100]);
    expect(await numbers('from=1&to=100')).toHaveLength(100);
    expect(await numbers('from=10&to=12')).toEqual([10, 11, 12]);
    expect(await numbers('from=100&to=500')).toEqual([100]);
    expect(await numbers('from=101')).toEqual([]);
    expect(await numbers('from=99&to=100&follow=1')).toEqual([99, 100]);
    expect(site.gateway.stats().followers).toBe(0);
  });

  it('[EDGE3] refuses what is compacted or makes no sense', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    site.world.append(10);
    site.world.compact(6);
    const ask = (query: string) => request(`${site.http}/v1/worlds/warehouse/commands${query}`, { token });
    const gone = await ask('?from=5');
    expect([gone.status, gone.json.error, gone.json.first]).toEqual([410, 'compacted', 6]);
    for (const query of [
      '',
      '?from=0',
      '?from=x',
      '?to=5',
      '?from=8&to=7',
      '?from=6&follow=maybe',
      '?from=1.5',
    ])
      expect([query, (await ask(query)).json?.error]).toEqual([query, 'bad-request']);
    expect((await ask('?from=6')).status).toBe(200);
  });

  it('follows, and ends when its reader goes', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    site.world.append(3);
    const follower = new Follower(site, 'from=2&follow=1', token);
    await until('the past', () => follower.numbers.length === 2);
    for (let i = 0; i < 10; i++) {
      site.world.append(2);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('the present', () => follower.numbers.length === 22);
    expect(follower.numbers).toEqual(Array.from({ length: 22 }, (_, i) => i + 2));
    expect(follower.ended).toBe(false);
    expect(site.gateway.stats().followers).toBe(1);
    follower.destroy();
    await until('its end', () => site.gateway.stats().followers === 0);
    expect(site.gateway.stats().httpRequests).toBe(0);
    site.world.append(1);
    expect(site.log.loud).toEqual([]);
  });

  it('[EDGE2] reads no further than its reader does', async () => {
    const site = await openHere();
    const { token } = await guest(site);
    const follower = new Follower(site, 'from=1&follow=1', token);
    await until('the head', () => follower.status === 200);
    follower.pause();
    site.world.append(60_000);
    let reads = -1;
    let calm = 0;
    await until(
      'it stops reading',
      () => {
        calm = reads === site.world.reads ? calm + 1 : 0;
        reads = site.world.reads;
        return calm > 50;
      },
      20_000,
    );
    // Of some 16 MB of log, what the kernel and one chunk take.
    expect(follower.numbers.length).toBeLessThan(40_000);
    site.world.append(5);
    follower.resume();
    await until('all of it', () => follower.tail.includes('{"number":60005,'), 20_000);
    expect(follower.numbers).toEqual(Array.from({ length: 60_005 }, (_, i) => i + 1));
  }, 60_000);

  it('[EDGE2] lets others have their turn between two parts of a long answer', async () => {
    const site = await openHere({ limits: { readBytes: 2_000 } });
    site.world.append(3_000);
    const { token } = await guest(site);
    const follower = new Follower(site, 'from=1', token);
    let most = 0;
    for (let before = site.world.reads; !follower.ended; before = site.world.reads) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, site.world.reads - before);
    }
    expect(follower.numbers).toHaveLength(3_000);
    expect(site.world.reads).toBeGreaterThan(50);
    expect(most).toBeLessThanOrEqual(2);
  });

  it('shows that it is alive, without breaking the lines', async () => {
    const site = await openHere({ limits: { followMs: 20 } });
    const { token } = await guest(site);
    const follower = new Follower(site, 'from=1&follow=1', token);
    await until('white space', () => follower.text.length >= 3);
    expect(follower.text.trim()).toBe('');
    expect(follower.text).not.toContain('\n');
    site.world.append(2);
    await until('two lines', () => follower.numbers.length === 2);
    for (const line of follower.text.trimEnd().split('\n'))
      expect(JSON.parse(line).number).toBeGreaterThan(0);
  });

  it('bounds those who follow', async () => {
    const site = await openHere({ limits: { followers: 2 } });
    const { token } = await guest(site);
    const both = [1, 2].map(() => new Follower(site, 'from=1&follow=1', token));
    await until('two', () => site.gateway.stats().followers === 2);
    const third = await request(`${site.http}/v1/worlds/warehouse/commands?from=1&follow=1`, { token });
    expect([third.status, third.json.error]).toEqual([503, 'overloaded']);
    expect((await request(`${site.http}/v1/worlds/warehouse/commands?from=1`, { token })).status).toBe(200);
    for (const one of both) one.destroy();
    await until('none', () => site.gateway.stats().followers === 0);
  });

  it('cuts a stream off when the log fails in the middle', async () => {
    const site = await openHere({ limits: { readBytes: 2_000 } });
    const { token } = await guest(site);
    site.world.append(500);
    site.world.beforeRead = async () => {
      if (site.world.reads > 3) throw new Error('the disk');
    };
    const follower = new Follower(site, 'from=1', token);
    await until('the cut', () => follower.cut);
    expect(follower.ended).toBe(false);
    expect(site.log.loud).toHaveLength(1);
    expect((await request(`${site.http}/healthz`)).status).toBe(200);
  });
});
