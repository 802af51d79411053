import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LINK_QUEUE_RESERVE } from '../../server/limits.ts';
import { splitMessages } from '../../server/links/codec.ts';
import { FRAME } from '../../server/links/frames.ts';
import { Handshake } from '../../server/links/handshake.ts';
import { bundle, start } from '../storage/child.ts';
import { temporaryFolder } from '../storage/level-place.ts';
import { identity, Raw } from './raw.ts';
import { Cluster, type Node, numbered, sequences, until } from './support.ts';

describe('links under faults', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.stop());

  const fast = { pingMs: 30, silenceMs: 400 };
  async function two(bounds: object = {}, others: object = bounds): Promise<readonly [Node, Node]> {
    const a = await cluster.start(0, { bounds });
    const b = await cluster.start(1, { bounds: others });
    await until('linked', () => a.connected().length === 1 && b.connected().length === 1);
    return [a, b];
  }
  /** Sends until one arrives, for a link that comes and goes. */
  async function arrives(from: Node, to: Node, sequence: number): Promise<void> {
    await until(`${sequence} arrives`, () => {
      from.links.send('w', to.device, numbered(sequence));
      return sequences(to).includes(sequence);
    });
  }

  it('cut: nothing passes in either direction, nothing is said, and it heals', async () => {
    const [a, b] = await two();
    a.links.send('w', 1, numbered(1));
    b.links.send('w', 0, numbered(1));
    await until('before', () => a.received.length === 1 && b.received.length === 1);
    a.links.cut([1]);
    for (let n = 2; n < 50; n++) {
      a.links.send('w', 1, numbered(n));
      b.links.send('w', 0, numbered(n));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([a.connected(), b.connected()]).toEqual([['us'], ['eu']]);
    a.links.cut(null);
    await arrives(a, b, 100);
    await arrives(b, a, 200);
    expect([sequences(a)[0], sequences(b)[0]]).toEqual([1, 1]);
    // What was sent during the cut is gone for good: first what was before, then what came after it was healed.
    expect(sequences(b).filter((n) => n > 1 && n < 100)).toEqual([]);
    expect(sequences(a).filter((n) => n > 1 && n < 50).length).toBeLessThan(48);
    expect([a.events, b.events]).toEqual([['1 up'], ['0 up']]);
  });

  it('tells both sides soon that nothing comes, and that something comes again; an idle link is not silent', async () => {
    const [a, b] = await two({ beatMs: 20, quietMs: 200 });
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect([a.silences, b.silences]).toEqual([[], []]);
    a.links.cut([1]);
    await until('silent', () => a.silences.length === 1 && b.silences.length === 1, 3_000);
    expect([a.connected(), b.connected()]).toEqual([['us'], ['eu']]);
    a.links.cut(null);
    await until('heard', () => a.silences.length === 2 && b.silences.length === 2, 3_000);
    expect([a.silences, b.silences]).toEqual([
      ['1 silent', '1 heard'],
      ['0 silent', '0 heard'],
    ]);
    expect([a.events, b.events]).toEqual([['1 up'], ['0 up']]);
  });

  it('cut: the others are not concerned', async () => {
    const [a, b] = await two();
    const c = await cluster.start(2);
    await until('all linked', () => c.connected().length === 2);
    a.links.cut([1]);
    await arrives(a, c, 7);
    await arrives(b, c, 8);
    a.links.send('w', 1, numbered(9));
    await arrives(c, b, 10);
    expect(sequences(b)).not.toContain(9);
  });

  it('cut: stays silent here when the other side gives up, and is made good after it healed', async () => {
    const [a, b] = await two(fast);
    await until('all quiet', () => a.links.status()[0]!.rttMs !== null);
    a.links.cut([1]);
    await until('the other side gave up', () => b.events.includes('0 down'));
    expect(b.logs.some((line) => line.detail.startsWith('silent for'))).toBe(true);
    expect(a.events).toEqual(['1 up']);
    a.links.cut(null);
    await until('linked again', () => b.events.at(-1) === '0 up' && a.events.at(-1) === '1 up');
    expect(a.events).toEqual(['1 up', '1 down', '1 up']);
    await arrives(a, b, 1);
    await arrives(b, a, 2);
  });

  it('notices a peer whose process stands still', async () => {
    const a = await cluster.start(0, { bounds: fast });
    const raw = await Raw.linked(a.links.address());
    await until('up', () => a.events.includes('1 up'));
    await until('down', () => a.events.includes('1 down'), 3_000);
    expect(a.logs.at(-1)?.detail).toMatch(/^(silent for|connect|no handshake|closed)/);
    raw.socket.destroy();
  });

  it('delays what is sent to one device, in order, also when the delay shrinks', async () => {
    const [a, b] = await two();
    a.links.delay(1, 400);
    const begin = performance.now();
    for (let n = 1; n <= 20; n++) {
      if (n === 15) a.links.delay(1, 10);
      if (n === 18) a.links.delay(1, 0);
      a.links.send('w', 1, numbered(n));
      await new Promise((resolve) => setImmediate(resolve));
    }
    b.links.send('w', 0, numbered(1));
    await until('the other direction', () => a.received.length === 1);
    expect(performance.now() - begin).toBeLessThan(350);
    expect(b.received).toEqual([]);
    await until('delayed', () => b.received.length === 20);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(395);
    expect(sequences(b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    const again = performance.now();
    a.links.send('w', 1, numbered(21));
    await until('at once', () => b.received.length === 21);
    expect(performance.now() - again).toBeLessThan(300);
  });

  it('shows a delay as a longer round trip', async () => {
    const [a] = await two({ pingMs: 20 });
    a.links.delay(1, 40);
    await until('longer', () => (a.links.status()[0]?.rttMs ?? 0) > 25);
  });

  it('believes in a longer way only when all of the last few round trips took it', async () => {
    const [a] = await two({ pingMs: 20 });
    await until('linked', () => a.links.roundTrip() > 0);
    a.links.delay(1, 60);
    await until('one took long', () => (a.links.status()[0]?.rttMs ?? 0) > 6);
    expect(a.links.roundTrip()).toBeLessThan(60);
    await until('all took long', () => a.links.roundTrip() >= 60);
    a.links.delay(1, 0);
    await until('one did not', () => a.links.roundTrip() < 60);
  });

  it('bounds what waits for a peer that does not read, drops the rest, and keeps room for small messages', async () => {
    const queueBytes = 1 << 20;
    const a = await cluster.start(0, { bounds: { queueBytes } });
    const raw = await Raw.linked(a.links.address());
    await until('up', () => a.events.includes('1 up'));
    raw.socket.pause();
    const large = { kind: 'presence', sessions: ['y'.repeat(60_000)], left: [] } as const;
    const dropped = () => a.links.status()[0]?.dropped ?? 0;
    for (let n = 0; n < 400; n++) {
      a.links.send('w', 1, large);
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(dropped()).toBeGreaterThan(100);
    expect(a.codes).toContain('dropped');
    const before = dropped();
    // 4,000 of 56 bytes are more than the large ones left over.
    for (let n = 0; n < 4_000; n++) a.links.send('w', 1, numbered(n));
    expect(dropped()).toBe(before);
    for (let n = 0; n < LINK_QUEUE_RESERVE / 40; n++) a.links.send('w', 1, numbered(n));
    expect(dropped()).toBeGreaterThan(before);
    expect(a.events).toEqual(['1 up']);
    raw.socket.resume();
    const small = () =>
      raw.frames
        .filter((frame) => frame.kind === FRAME.messages)
        .some((frame) => splitMessages(frame.body).some((message) => message.length < 1_000));
    await until('the small one arrives after all', small);
    raw.socket.destroy();
  });

  it('closes the link on which nonsense came, and no other', async () => {
    const [a, b] = await two();
    const c = await cluster.start(2);
    await until('all linked', () => c.connected().length === 2 && a.connected().length === 2);
    const garbage: [string, (raw: Raw) => void][] = [
      ['a damaged frame', (raw) => raw.socket.write(Buffer.alloc(64, 7))],
      ['no message', (raw) => raw.send(FRAME.messages, new Uint8Array(40).fill(9))],
      [
        'a forged message',
        (raw) => raw.send(FRAME.messages, Uint8Array.from([12, 0, 0, 0, ...new Array(12).fill(255)])),
      ],
      [
        'a second hello',
        (raw) => raw.send(FRAME.handshake, new Handshake(identity('us'), 'dialler', 'eu').first()!),
      ],
      [
        'a frame too large',
        (raw) => raw.socket.write(Buffer.from([0, 0, 0, 0x70, ...new Array(60).fill(2)])),
      ],
    ];
    await b.links.close();
    await until('free', () => a.events.at(-1) === '1 down');
    for (const [what, say] of garbage) {
      const raw = Raw.dial(a.links.address());
      await raw.shake(new Handshake(identity('us', { store: 'store-1' }), 'dialler', 'eu'));
      raw.send(FRAME.ping, new Uint8Array(0));
      await until(`up before ${what}`, () => a.events.at(-1) === '1 up');
      say(raw);
      await until(`down after ${what}`, () => a.events.at(-1) === '1 down');
      expect(
        a.logs.some((line) => line.code === 'down' && line.detail.length > 10),
        what,
      ).toBe(true);
      await until('closed', () => raw.closed);
    }
    expect(a.events.filter((event) => event.startsWith('2'))).toEqual(['2 up']);
    expect(c.events.filter((event) => event.startsWith('0'))).toEqual(['0 up']);
    await arrives(c, a, 5);
  });

  it('reconnects when the peer’s process was killed and is back', async () => {
    const folder = await temporaryFolder();
    const program = await bundle('links/peer-child', folder);
    // The child keeps its port over its restarts, as a region server does.
    const port = await new Promise<number>((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => resolve(address !== null && typeof address !== 'string' ? address.port : 0));
      });
    });
    cluster.peers[1] = { host: '127.0.0.1', port };
    const a = await cluster.start(0);
    const run = () => start(program, [String(port), String(a.links.address().port)]);
    let child = run();
    try {
      for (let round = 1; round <= 3; round++) {
        await until('up', () => a.events.length === 2 * round - 1);
        await until('heard', () => sequences(a).includes(round));
        const killed = performance.now();
        child.process.kill('SIGKILL');
        await until('down', () => a.events.length === 2 * round);
        expect(performance.now() - killed).toBeLessThan(1_000);
        await child.exited;
        if (round < 3)
          child = start(program, [String(port), String(a.links.address().port), String(round + 1)]);
      }
      expect(a.events).toEqual(['1 up', '1 down', '1 up', '1 down', '1 up', '1 down']);
    } finally {
      child.process.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    }
  });
});
