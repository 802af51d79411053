/** Messages for worlds on other threads: taken as they came, and handed on as they are. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodePeer, encodePeer } from '../../server/links/codec.ts';
import type { PeerMessage } from '../../server/links/types.ts';
import { Cluster, type Node, numbered, sequences, until } from './support.ts';

describe('messages of worlds that are elsewhere', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.stop());

  async function two(): Promise<readonly [Node, Node]> {
    const [a, b] = [await cluster.start(0), await cluster.start(1)];
    await until('linked', () => a.connected().length === 1 && b.connected().length === 1);
    return [a, b];
  }

  it('are not delivered where they are taken, and come in order with the others', async () => {
    const [a, b] = await two();
    const order: string[] = [];
    b.raw = (world, from, bytes) => {
      const there = world === 'there';
      if (there) {
        const { message } = decodePeer(new Uint8Array(bytes), from, 1);
        order.push(`${from} ${world} ${message.kind === 'my-next-bal' ? message.ballot : message.kind}`);
      }
      return there;
    };
    for (let n = 1; n <= 6; n++) a.links.send(n % 2 === 0 ? 'there' : 'here', 1, numbered(n));
    await until('the last', () => sequences(b).includes(5) && order.length === 3);
    expect(order).toEqual(['0 there 2', '0 there 4', '0 there 6']);
    expect(b.received.map(({ world }) => world)).toEqual(['here', 'here', 'here']);
    expect(sequences(b)).toEqual([1, 3, 5]);
  });

  it('are shown with the world that they name, each once, whether they are taken or not', async () => {
    const [a, b] = await two();
    const shown: string[] = [];
    b.raw = (world) => {
      shown.push(world);
      return false;
    };
    const long = 'w'.repeat(63);
    for (const world of ['a', long, 'a']) a.links.send(world, 1, numbered(1));
    await until('all', () => b.received.length === 3);
    expect(shown).toEqual(['a', long, 'a']);
  });

  it('reach a peer as the same message when they are handed on', async () => {
    const [a, b] = await two();
    const seen: Uint8Array[] = [];
    b.raw = (_, __, bytes) => {
      seen.push(bytes.slice());
      return false;
    };
    const messages: PeerMessage[] = [
      { kind: 'presence', sessions: ['x'.repeat(5_000)], left: ['ü'] },
      { kind: 'heartbeat', ballot: 4, upTo: 3, born: 1, sequence: 9, rest: false },
    ];
    const encoded = messages.map((message) => encodePeer('arena', message));
    for (const bytes of encoded) a.links.forward(1, bytes);
    // To a peer that is not linked, and to nobody at all, it is lost.
    for (const device of [2, 0, 7]) a.links.forward(device, encoded[0]!);
    await until('both', () => b.received.length === 2);
    expect(b.received).toEqual(messages.map((message) => ({ world: 'arena', from: 0, message })));
    for (const [i, bytes] of encoded.entries()) expect(Buffer.compare(seen[i]!, bytes)).toBe(0);
  });

  it('[LINK2] end their own link where they cannot be read, which comes back', async () => {
    const [a, b] = await two();
    const c = await cluster.start(2);
    await until('all linked', () => [a, b, c].every((node) => node.connected().length === 2));
    b.raw = (world, from) => {
      if (world === 'bad') queueMicrotask(() => b.links.reject(from, 'what it says cannot be read'));
      return world === 'bad';
    };
    a.links.send('bad', 1, numbered(1));
    await until('down', () => a.events.includes('1 down') && b.events.includes('0 down'));
    expect(b.logs.some(({ detail }) => detail === 'what it says cannot be read')).toBe(true);
    await until('back', () => a.connected().length === 2 && b.connected().length === 2);
    a.links.send('good', 1, numbered(2));
    await until('heard', () => sequences(b).includes(2));
    expect(sequences(b)).toEqual([2]);
    expect([...c.events, ...b.events].filter((event) => event === '2 down' || event === '1 down')).toEqual(
      [],
    );
    expect(c.events.toSorted()).toEqual(['0 up', '1 up']);
  });

  it('where a link is gone already, or never was, there is nothing to end', async () => {
    const [a, b] = await two();
    for (const device of [0, 2, 7]) a.links.reject(device, 'nobody');
    a.links.send('arena', 1, numbered(1));
    await until('heard', () => b.received.length === 1);
    expect(a.events).toEqual(['1 up']);
  });
});
