import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from '../../schemas/generated/peer.ts';
import { LINK_HANDSHAKE_BYTES } from '../../server/limits.ts';
import { FRAME, frameParts } from '../../server/links/frames.ts';
import { Handshake, type Identity } from '../../server/links/handshake.ts';
import { identity, Raw, RawServer } from './raw.ts';
import { Cluster, memoryStores, type Node, numbered, REGIONS, sequences, until } from './support.ts';

const hello = (nonce: number) =>
  encodeMessage(
    {
      world: '',
      body: {
        kind: 'hello',
        protocol: identity('us').protocol,
        version: '',
        cluster: 'c1',
        region: 'us',
        store: '',
        nonce: new Uint8Array(nonce),
      },
    },
    true,
  );

/** Runs both machines against each other; tells how each side ended. */
function pair(
  dialler: Identity,
  acceptor: Identity,
  expected = acceptor.region,
): { dialler: string; acceptor: string } {
  const sides = {
    dialler: new Handshake(dialler, 'dialler', expected),
    acceptor: new Handshake(acceptor, 'acceptor', null),
  };
  const ends = { dialler: 'more', acceptor: 'more' };
  let to: 'dialler' | 'acceptor' = 'acceptor';
  let bytes = sides.dialler.first();
  while (bytes !== null) {
    const { send, outcome } = sides[to].take(bytes);
    if (outcome.kind !== 'more') {
      ends[to] =
        outcome.kind === 'rejected' ? `${outcome.heard ? 'told ' : ''}${outcome.code}` : outcome.kind;
    }
    bytes = send;
    to = to === 'dialler' ? 'acceptor' : 'dialler';
  }
  return ends;
}

describe('the handshake', () => {
  const eu = identity('eu');
  const us = identity('us');

  it('ends well where everything fits', () => {
    expect(pair(us, eu)).toEqual({ dialler: 'done', acceptor: 'done' });
  });

  const matrix: [string, Identity, Identity, string][] = [
    ['another secret', identity('us', { secret: 'another secret' }), eu, 'wrong-secret'],
    ['another version of the wire', identity('us', { protocol: 77 }), eu, 'wrong-version'],
    ['another cluster', identity('us', { cluster: 'c2' }), eu, 'wrong-cluster'],
    ['an unknown region', identity('mars'), eu, 'not-a-peer'],
    ['its own name', identity('eu'), eu, 'self'],
    ['another store than before', us, identity('eu', { accept: () => 'another store' }), 'wrong-store'],
  ];
  it.each(matrix)('refuses %s, and says so', (_, dialler, acceptor, code) => {
    expect(pair(dialler, acceptor)).toEqual({ dialler: `told ${code}`, acceptor: code });
  });

  it('lets the dialler refuse too: a store that changed, a region that was not dialled', () => {
    expect(pair(identity('us', { accept: () => 'another store' }), eu)).toEqual({
      dialler: 'wrong-store',
      acceptor: 'told wrong-store',
    });
    expect(pair(us, identity('ap'), 'eu')).toEqual({ dialler: 'not-a-peer', acceptor: 'told not-a-peer' });
  });

  it('names both sides in its proofs: none of another handshake is worth anything', () => {
    const one = new Handshake(us, 'dialler', 'eu');
    const acceptors = [new Handshake(eu, 'acceptor', null), new Handshake(eu, 'acceptor', null)];
    const first = one.first()!;
    const answers = acceptors.map((acceptor) => acceptor.take(first).send!);
    const proof = one.take(answers[0]!).send!;
    expect(acceptors[1]!.take(proof).outcome).toMatchObject({ code: 'wrong-secret' });
    expect(acceptors[0]!.take(proof).outcome).toMatchObject({ kind: 'done', region: 'us', store: 'raw-us' });
  });

  it('cannot be passed by sending its own words back', () => {
    const victim = new Handshake(us, 'dialler', 'eu');
    const echoed = victim.take(victim.first()!);
    expect(echoed.outcome).toMatchObject({ kind: 'rejected', code: 'self' });
    // A second connection to the victim does not help: it proves other things as an acceptor than as a dialler.
    const dialling = new Handshake(us, 'dialler', 'eu');
    const accepting = new Handshake(us, 'acceptor', null);
    const forged = new Handshake(identity('eu', { secret: 'unknown' }), 'dialler', 'us');
    const answer = accepting.take(forged.first()!).send!;
    const proof = dialling.take(forged.first()!).send!;
    expect(accepting.take(proof).outcome).toMatchObject({ code: 'wrong-secret' });
    expect(dialling.take(proof).outcome).toMatchObject({ code: 'wrong-secret' });
    expect(answer.length).toBeGreaterThan(0);
  });

  it('takes its messages in their order only', () => {
    const proof = encodeMessage({ world: '', body: { kind: 'proof', mac: new Uint8Array(32) } }, true);
    const acceptor = () => new Handshake(eu, 'acceptor', null);
    expect(acceptor().take(proof).outcome).toMatchObject({ code: 'malformed' });
    expect(acceptor().take(hello(31)).outcome).toMatchObject({ code: 'malformed' });
    expect(acceptor().take(new Uint8Array(40)).outcome).toMatchObject({ code: 'malformed' });
    const twice = acceptor();
    expect(twice.take(hello(32)).outcome.kind).toBe('more');
    expect(twice.take(hello(32)).outcome).toMatchObject({ code: 'malformed' });
    const short = acceptor();
    short.take(hello(32));
    const few = encodeMessage({ world: '', body: { kind: 'proof', mac: new Uint8Array(8) } }, true);
    expect(short.take(few).outcome).toMatchObject({ code: 'wrong-secret' });
    const early = encodeMessage({ world: 'w', body: { kind: 'takeOver', ballot: 4 } }, true);
    expect(acceptor().take(early).outcome).toMatchObject({ code: 'malformed' });
  });
});

describe('the peer port, seen by a stranger', () => {
  let cluster: Cluster;
  let node: Node;
  const raws: Raw[] = [];
  const dial = (): Raw => {
    const raw = Raw.dial(node.links.address());
    raws.push(raw);
    return raw;
  };
  beforeEach(async () => {
    cluster = new Cluster();
    node = await cluster.start(0, { bounds: { handshakeMs: 1_500, pending: 4 } });
  });
  afterEach(async () => {
    for (const raw of raws.splice(0)) raw.socket.destroy();
    await cluster.stop();
  });

  it('lets a peer in that proves the secret, and takes it for up with its first frame', async () => {
    const raw = dial();
    const { outcome } = await raw.shake(new Handshake(identity('us'), 'dialler', 'eu'));
    expect(outcome).toMatchObject({ kind: 'done', region: 'eu', store: 'store-0', version: '1.2.3' });
    expect(node.events).toEqual([]);
    raw.send(FRAME.ping, new Uint8Array(0), 5);
    await until('up', () => node.events.length > 0);
    await until('pong', () => raw.frames.some((frame) => frame.kind === FRAME.pong && frame.value === 5));
    raw.socket.destroy();
    await until('down', () => node.events.length > 1);
    expect(node.events).toEqual(['1 up', '1 down']);
  });

  it.each([
    ['wrong-secret', identity('us', { secret: 'guessed' })],
    ['wrong-version', identity('us', { protocol: 77 })],
    ['wrong-cluster', identity('us', { cluster: 'c9' })],
    ['not-a-peer', identity('mars')],
    ['self', identity('eu')],
  ])('says %s, logs it and closes', async (code, who) => {
    const raw = dial();
    const { outcome } = await raw.shake(new Handshake(who, 'dialler', 'eu'));
    expect(outcome).toMatchObject({ kind: 'rejected', code, heard: true });
    await until('closed', () => raw.closed);
    expect(node.codes).toContain(code);
    expect(node.events).toEqual([]);
  });

  it('refuses a peer that comes back with another store', async () => {
    const first = dial();
    await first.shake(new Handshake(identity('us'), 'dialler', 'eu'));
    first.socket.destroy();
    const second = dial();
    const other = identity('us', { store: 'a new one' });
    const { outcome } = await second.shake(new Handshake(other, 'dialler', 'eu'));
    expect(outcome).toMatchObject({ code: 'wrong-store' });
    const third = dial();
    const { outcome: again } = await third.shake(new Handshake(identity('us'), 'dialler', 'eu'));
    expect(again.kind).toBe('done');
  });

  it('reads nothing but the handshake before the proof', async () => {
    const raw = dial();
    raw.send(FRAME.handshake, new Handshake(identity('us'), 'dialler', 'eu').first()!);
    await raw.next();
    const message = encodeMessage({ world: 'w', body: { kind: 'myNextBal', ballot: 7 } }, true);
    raw.send(FRAME.messages, message);
    await until('closed', () => raw.closed);
    expect(node.received).toEqual([]);
    expect(node.events).toEqual([]);
  });

  it('does not take a dialler for a peer that goes away before its first frame', async () => {
    const raw = dial();
    await raw.shake(new Handshake(identity('us'), 'dialler', 'eu'));
    raw.socket.destroy();
    const next = dial();
    await next.shake(new Handshake(identity('ap'), 'dialler', 'eu'));
    next.send(FRAME.ping, new Uint8Array(0));
    await until('the other is up', () => node.events.length > 0);
    expect(node.events).toEqual(['2 up']);
  });

  const garbage: [string, (raw: Raw) => void][] = [
    ['random bytes', (raw) => raw.socket.write(Buffer.alloc(5_000, 0xa5))],
    ['a request of HTTP', (raw) => raw.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a frame too large', (raw) => raw.send(FRAME.handshake, new Uint8Array(LINK_HANDSHAKE_BYTES + 1))],
    ['a frame of garbage', (raw) => raw.send(FRAME.handshake, new Uint8Array(200).fill(3))],
    ['an empty frame', (raw) => raw.send(FRAME.handshake, new Uint8Array(0))],
    [
      'a hello in another kind of frame',
      (raw) => raw.send(FRAME.messages, new Handshake(identity('us'), 'dialler', 'eu').first()!),
    ],
    ['a ping', (raw) => raw.send(FRAME.ping, new Uint8Array(0))],
  ];
  it.each(garbage)('closes on %s, soon, and stays well', async (_, say) => {
    const raw = dial();
    await until('connected', () => raw.socket.readyState === 'open');
    const begin = performance.now();
    say(raw);
    await until('closed', () => raw.closed);
    expect(performance.now() - begin).toBeLessThan(1_200);
    expect(raw.frames.map(({ body }) => decodeMessage(body, true).body.kind)).not.toContain('hello');
    const good = dial();
    expect((await good.shake(new Handshake(identity('us'), 'dialler', 'eu'))).outcome.kind).toBe('done');
  });

  it('closes on a damaged frame, and on half a frame and silence', async () => {
    const raw = dial();
    const good = new Handshake(identity('us'), 'dialler', 'eu').first()!;
    const half = dial();
    half.socket.write(Buffer.from([1, 2, 3]));
    const frame = Buffer.concat([Buffer.alloc(16), good]);
    frame.writeUInt32LE(good.length, 0);
    frame.writeUInt32LE(FRAME.handshake, 8);
    raw.socket.write(frame);
    await until('damaged closed', () => raw.closed);
    await until('half closed', () => half.closed, 4_000);
  });

  it('gives a slow stranger its deadline and no more, byte by byte', async () => {
    const raw = dial();
    const first = new Handshake(identity('us'), 'dialler', 'eu').first()!;
    const frame = Buffer.concat(frameParts(FRAME.handshake, 0, [first]));
    await until('connected', () => raw.socket.readyState === 'open');
    const begin = performance.now();
    let at = 0;
    const drip = setInterval(() => raw.socket.write(frame.subarray(at, ++at)), 20);
    await until('closed', () => raw.closed, 5_000);
    clearInterval(drip);
    const took = performance.now() - begin;
    expect(took).toBeGreaterThan(1_400);
    expect(took).toBeLessThan(3_000);
    expect(at).toBeLessThan(frame.length);
    expect(raw.frames).toEqual([]);
  });

  it('holds few strangers at a time: one more closes the oldest, a peer still gets in', async () => {
    const strangers = Array.from({ length: 4 }, dial);
    await until('connected', () => strangers.every((raw) => raw.socket.readyState === 'open'));
    const fifth = dial();
    await until('oldest closed', () => strangers.some((raw) => raw.closed), 1_200);
    expect((await fifth.shake(new Handshake(identity('us'), 'dialler', 'eu'))).outcome.kind).toBe('done');
  });

  it('logs the same reason once, however often it is knocked at', async () => {
    for (let i = 0; i < 5; i++) {
      const raw = dial();
      raw.send(FRAME.handshake, new Handshake(identity('mars'), 'dialler', 'eu').first()!);
      expect(await raw.rejection()).toBe('not-a-peer');
    }
    const said = node.logs.filter((line) => line.code === 'not-a-peer').map((line) => line.detail);
    expect(said).toHaveLength(1);
  });
});

describe('a region that dials', () => {
  it('proves itself only to who answers as a peer, logs why not, and tries again', async () => {
    const server = new RawServer();
    const cluster = new Cluster();
    try {
      cluster.peers[1] = await server.listen();
      const node = await cluster.start(0);
      await until('dialled', () => server.connections.length > 0);
      const raw = server.connections[0]!;
      const acceptor = new Handshake(identity('ap'), 'acceptor', null);
      const { send } = acceptor.take((await raw.next())!);
      raw.send(FRAME.handshake, send!);
      expect(await raw.rejection()).toBe('not-a-peer');
      expect(node.logs.some((line) => line.detail.includes('dialled us, found ap'))).toBe(true);
      await until('tried again', () => server.connections.length > 1);
    } finally {
      server.close();
      await cluster.stop();
    }
  });

  it('is back soon after the other side comes up, and does not dial without pause before', async () => {
    const server = new RawServer();
    const cluster = new Cluster();
    try {
      cluster.peers[1] = await server.listen();
      await cluster.start(0);
      const begin = performance.now();
      while (performance.now() - begin < 1_200) {
        await until('dialled', () => server.connections.some((raw) => !raw.closed), 2_000);
        for (const raw of server.connections) raw.socket.destroy();
        await until('closed', () => server.connections.every((raw) => raw.closed));
      }
      // 20, 40, 80 … 1,000 ms, half of it random: 5 to 9 attempts in 1.2 s; bounds with room for a slow machine.
      expect(server.connections.length).toBeGreaterThanOrEqual(3);
      expect(server.connections.length).toBeLessThanOrEqual(10);
    } finally {
      server.close();
      await cluster.stop();
    }
  });
});

describe('two connections to one peer', () => {
  /** Region `self` linked to a raw peer that it dialled, then dialled by that peer as well. */
  async function both(self: number) {
    const peer = 1 - self;
    const server = new RawServer();
    const cluster = new Cluster();
    cluster.peers[peer] = await server.listen();
    const node = await cluster.start(self, { folder: memoryStores('s') });
    await until('dialled', () => server.connections.length > 0);
    const dialled = server.connections[0]!;
    const who = identity(REGIONS[peer]!);
    const acceptor = new Handshake(who, 'acceptor', null);
    for (let done = false; !done; ) {
      const step = acceptor.take((await dialled.next())!);
      if (step.send !== null) dialled.send(FRAME.handshake, step.send);
      done = step.outcome.kind === 'done';
    }
    await until('up', () => node.events.length === 1);
    const accepted = Raw.dial(node.links.address());
    await accepted.shake(new Handshake(who, 'dialler', REGIONS[self]!));
    accepted.send(FRAME.ping, new Uint8Array(0));
    const stop = async () => {
      server.close();
      accepted.socket.destroy();
      await cluster.stop();
    };
    return { node, dialled, accepted, who, stop };
  }

  it('leave the one that the later region dialled, without a word to the host', async () => {
    const { node, dialled, accepted, stop } = await both(0);
    try {
      // What was under way on the other one is not lost.
      dialled.send(
        FRAME.messages,
        encodeMessage({ world: 'w', body: { kind: 'myNextBal', ballot: 3 } }, true),
      );
      await until('heard', () => sequences(node).includes(3));
      await until('the earlier one’s closed', () => dialled.closed);
      expect(accepted.closed).toBe(false);
      node.links.send('w', 1, numbered(5));
      await until('arrives there', () => accepted.frames.some((frame) => frame.kind === FRAME.messages));
      expect(node.events).toEqual(['1 up']);
      expect(dialled.frames.some((frame) => frame.kind === FRAME.messages)).toBe(false);
    } finally {
      await stop();
    }
  });

  it('leave the one that the later region dialled, if that was the first', async () => {
    const { node, dialled, accepted, stop } = await both(1);
    try {
      await until('the earlier one’s closed', () => accepted.closed);
      expect(dialled.closed).toBe(false);
      expect(node.events).toEqual(['0 up']);
    } finally {
      await stop();
    }
  });

  it('leave the newer of two from one dialler: the older may be half open', async () => {
    const { node, accepted, who, stop } = await both(0);
    const newer = Raw.dial(node.links.address());
    try {
      await newer.shake(new Handshake(who, 'dialler', 'eu'));
      newer.send(FRAME.ping, new Uint8Array(0));
      await until('older closed', () => accepted.closed);
      newer.send(FRAME.messages, encodeMessage({ world: 'w', body: { kind: 'myNextBal', ballot: 9 } }, true));
      await until('heard', () => node.received.length > 0);
      expect(sequences(node)).toEqual([9]);
      expect(node.events).toEqual(['1 up']);
    } finally {
      newer.socket.destroy();
      await stop();
    }
  });
});

describe('two regions that dial each other at once', () => {
  it('let the later one dial: it refuses while it is in a handshake of its own', async () => {
    const server = new RawServer();
    const cluster = new Cluster();
    try {
      cluster.peers[0] = await server.listen();
      const node = await cluster.start(1);
      await until('dialled', () => server.connections.length > 0);
      const dialled = server.connections[0]!;
      const acceptor = new Handshake(identity('eu'), 'acceptor', null);
      dialled.send(FRAME.handshake, acceptor.take((await dialled.next())!).send!);
      const proof = (await dialled.next())!;
      const crossing = Raw.dial(node.links.address());
      const { outcome } = await crossing.shake(new Handshake(identity('eu'), 'dialler', 'us'));
      expect(outcome).toMatchObject({ kind: 'rejected', code: 'busy' });
      dialled.send(FRAME.handshake, acceptor.take(proof).send!);
      await until('up', () => node.events.length > 0);
      expect(node.events).toEqual(['0 up']);
      expect(node.codes).not.toContain('busy');
    } finally {
      server.close();
      await cluster.stop();
    }
  });

  it('come up and stay up, many times over', async () => {
    for (let round = 0; round < 15; round++) {
      const cluster = new Cluster();
      try {
        const [a, b] = await Promise.all([cluster.start(0), cluster.start(1)]);
        await until('linked', () => a.connected().length === 1 && b.connected().length === 1);
        a.links.send('w', 1, numbered(1));
        b.links.send('w', 0, numbered(2));
        await until('both ways', () => a.received.length > 0 && b.received.length > 0);
        expect([a.events, b.events]).toEqual([['1 up'], ['0 up']]);
      } finally {
        await cluster.stop();
      }
    }
  });
});
