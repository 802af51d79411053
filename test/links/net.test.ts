import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cluster, numbered, sequences, until } from './support.ts';

describe('links between three regions', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.stop());

  async function three() {
    const [a, b, c] = [await cluster.start(0), await cluster.start(1), await cluster.start(2)];
    for (const node of [a, b, c]) await until(`${node.device} linked`, () => node.connected().length === 2);
    return [a, b, c] as const;
  }

  it('come up between all pairs, whoever starts first, and carry messages both ways', async () => {
    const nodes = await three();
    for (const node of nodes) {
      for (const peer of nodes) {
        if (peer !== node) node.links.send('arena', peer.device, numbered(10 * node.device + peer.device));
      }
    }
    for (const node of nodes) {
      await until(`${node.device} heard both`, () => node.received.length === 2);
      const expected = nodes.filter((peer) => peer !== node).map((peer) => 10 * peer.device + node.device);
      expect(sequences(node).sort((x, y) => x - y)).toEqual(expected);
      expect(node.received.every(({ world }) => world === 'arena')).toBe(true);
      expect([...node.events].sort()).toEqual(
        nodes.filter((peer) => peer !== node).map((peer) => `${peer.device} up`),
      );
    }
  });

  it('keep the order of a link, whatever the sizes and the turns', async () => {
    const [a, b] = await three();
    const count = 3_000;
    for (let n = 1; n <= count; n++) {
      a.links.send('arena', 1, numbered(n));
      if (n % 500 === 0) {
        a.links.send('arena', 1, { kind: 'presence', sessions: ['x'.repeat(40_000)], left: [] });
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    await until('all arrived', () => b.received.length === count + 6);
    expect(sequences(b, 0)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  });

  it('carry a short text from host to host', async () => {
    const [a, b, c] = await three();
    a.links.note(1, 'a word');
    b.links.note(0, 'ein anderes · ∞');
    await until('both words', () => a.notes.length === 1 && b.notes.length === 1);
    expect([a.notes, b.notes, c.notes]).toEqual([['1: ein anderes · ∞'], ['0: a word'], []]);
  });

  it('measure round trips', async () => {
    const [a] = await three();
    await until('a round trip', () => a.links.status().every((peer) => peer.rttMs !== null));
    for (const { rttMs } of a.links.status()) {
      expect(rttMs).toBeGreaterThan(0);
      expect(rttMs).toBeLessThan(1_000);
    }
  });

  it('tell at once when a peer is gone, and come up again when it is back', async () => {
    const [a, b, c] = await three();
    await c.links.close();
    await until('both know', () => a.events.includes('2 down') && b.events.includes('2 down'), 2_000);
    expect(a.connected()).toEqual(['us']);
    a.links.send('arena', 2, numbered(1));
    const again = await cluster.start(2);
    await until('linked again', () => again.connected().length === 2);
    await until('others know', () => a.connected().length === 2 && b.connected().length === 2);
    expect(a.events).toEqual(expect.arrayContaining(['1 up', '2 up', '2 down', '2 up']));
    a.links.send('arena', 2, numbered(2));
    await until('heard', () => again.received.length > 0);
    expect(sequences(again)).toEqual([2]);
  });

  it('refuse an address that is taken', async () => {
    const first = await cluster.start(0);
    const { port } = first.links.address();
    cluster.peers[1] = { host: '127.0.0.1', port };
    await expect(cluster.start(1)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('drop what is sent to nobody, and refuse what cannot be meant', async () => {
    const alone = await cluster.start(0);
    alone.links.send('arena', 1, numbered(1));
    expect(() => alone.links.send('arena', 0, numbered(1))).toThrow('no link to device 0');
    expect(() => alone.links.send('arena', 7, numbered(1))).toThrow('no link to device 7');
  });

  it('go on after a message that the schema cannot hold', async () => {
    const [a, b] = await three();
    a.links.send('arena', 1, numbered(-1));
    a.links.send('arena', 1, { kind: 'presence', sessions: ['\ud800'], left: [] });
    a.links.send('arena', 1, numbered(7));
    await until('the good one', () => b.received.length === 1);
    expect(sequences(b)).toEqual([7]);
    expect(a.codes).toContain('unencodable');
    expect(a.events).not.toContain('1 down');
  });

  it('close twice, also before the start', async () => {
    const [a] = await three();
    await Promise.all([a.links.close(), a.links.close()]);
    a.links.send('arena', 1, numbered(1));
    expect(a.events).not.toContain('1 down');
  });
});
