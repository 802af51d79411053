/** What clients send: acts, and everything else that bytes can be. */
import { afterEach, describe, expect, it } from 'vitest';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { encodeAct } from '../../schemas/generated/client.ts';
import { ThroughlineError } from '../../server/errors.ts';
import { closeAll, openSite, RawClient, type SiteOptions, until } from './support.ts';

afterEach(closeAll);

const inbound = warehouse.schema.actions.inbound;
const goodAct = encodeAct({ sequence: 1, action: 'inbound', args: inbound.encode({ to: 'A', amount: 1 }) });

/** A reproducible stream of bytes. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

describe.each(['uws', 'ws'] as const)('acts over %s', (transport) => {
  const openHere = (options: SiteOptions = {}) => openSite({ transport, ...options });

  it('answers an act when it is issued, and repeats the answer as a duplicate', async () => {
    const site = await openHere();
    const client = await RawClient.join(site);
    client.act(3, 'inbound', { to: 'A', amount: 400 });
    await until('an answer', () => client.answers.length === 1);
    expect(client.answers[0]).toEqual({
      ...{ sequence: 3, outcome: 'issued', number: 1, duplicate: false },
      ...{ result: '{"A":400}', code: '', detail: '' },
    });
    client.act(3, 'inbound', { to: 'A', amount: 400 });
    await until('another', () => client.answers.length === 2);
    expect(client.answers[1]).toMatchObject({ sequence: 3, outcome: 'issued', number: 1, duplicate: true });
    await until('the command', () => client.number === 1);
    expect(client.faults).toEqual([]);
    const again = await RawClient.join(site, { token: client.welcome?.token });
    expect(again.welcome?.sequence).toBe(3);
  });

  it("sends its own answers only to who joins with stream 'answers'", async () => {
    const site = await openHere();
    const silent = await RawClient.join(site, { stream: 'answers' });
    const witness = await RawClient.join(site);
    silent.act(1, 'inbound', { to: 'A', amount: 400 });
    await until('the answer', () => silent.answers.length === 1);
    await until('the command elsewhere', () => witness.number === 1);
    silent.act(2, 'inbound', { to: 'A', amount: 1 });
    await until('the next answer', () => silent.answers.length === 2);
    // A welcome and two answers.
    expect(silent.kinds).toEqual([6, 3, 3]);
  });

  it('[EDGE3, ANS3] tells a refusal, a failure and an open outcome apart', async () => {
    const site = await openHere();
    const client = await RawClient.join(site);
    client.act(1, 'outbound', { from: 'A', amount: 1 });
    await until('a refusal', () => client.answers.length === 1);
    expect(client.answers[0]).toMatchObject({ sequence: 1, outcome: 'refused', code: 'insufficient-goods' });
    const codes: readonly (readonly [ThroughlineError, string, string])[] = [
      [new ThroughlineError('overloaded', 'full'), 'failed', 'overloaded'],
      [new ThroughlineError('no-quorum', 'no answer', { kind: 'unknown' }), 'unknown', 'no-quorum'],
      [new ThroughlineError('out-of-order', 'late'), 'failed', 'out-of-order'],
      [new ThroughlineError('settled', 'old'), 'failed', 'settled'],
    ];
    for (const [i, [failure, outcome, code]] of codes.entries()) {
      site.world.failure = failure;
      client.act(10 + i, 'inbound', { to: 'A', amount: 1 });
      await until(code, () => client.answerTo(10 + i) !== undefined);
      expect(client.answerTo(10 + i)).toMatchObject({ outcome, code, detail: failure.message });
    }
    site.world.failure = null;
    client.act(20, 'fly', {});
    client.act(21, 'constructor', {});
    client.act(0, 'inbound', { to: 'A', amount: 1 });
    await until('the rest', () => client.answers.length === 8);
    expect(client.answerTo(20)).toMatchObject({ outcome: 'failed', code: 'no-such-action' });
    expect(client.answerTo(21)).toMatchObject({ outcome: 'failed', code: 'no-such-action' });
    expect(client.answerTo(0)).toMatchObject({ outcome: 'failed', code: 'bad-request' });
    expect(client.closed).toBeNull();
    expect(site.world.state.number).toBe(0);
  });

  it('gathers the answers of one turn, in one message where acts came so', async () => {
    const site = await openHere();
    const single = await RawClient.join(site);
    const several = await RawClient.join(site);
    site.world.holding = true;
    for (let i = 1; i <= 10; i++) single.act(i, 'inbound', { to: 'A', amount: 1 });
    several.acts(Array.from({ length: 10 }, (_, i) => [i + 1, 'inbound', { to: 'B', amount: 1 }] as const));
    await until('twenty held', () => site.world.held.length === 20);
    site.world.release();
    await until('all answers', () => single.answers.length === 10 && several.answers.length === 10);
    expect(single.kinds.filter((kind) => kind === 3)).toHaveLength(10);
    expect(several.kinds.filter((kind) => kind === 9)).toHaveLength(1);
    for (const client of [single, several])
      expect(client.answers.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('bounds what one session may have outstanding', async () => {
    const site = await openHere();
    const client = await RawClient.join(site);
    const neighbour = await RawClient.join(site);
    site.world.holding = true;
    for (let i = 1; i <= 70; i++) client.act(i, 'inbound', { to: 'A', amount: 1 });
    neighbour.act(1, 'inbound', { to: 'B', amount: 1 });
    await until('six refusals', () => client.answers.length === 6 && site.world.held.length === 65);
    expect(client.answers.every(({ outcome, code }) => outcome === 'failed' && code === 'rate-limited')).toBe(
      true,
    );
    expect(site.gateway.stats().outstanding).toBe(65);
    site.world.release();
    await until('all answers', () => client.answers.length === 70 && neighbour.answers.length === 1);
    expect(neighbour.answers[0]?.outcome).toBe('issued');
    client.act(100, 'inbound', { to: 'A', amount: 1 });
    await until('another', () => client.answerTo(100) !== undefined);
    expect(client.answerTo(100)?.outcome).toBe('issued');
    expect(client.closed).toBeNull();
  });

  it('[EDGE1] answers malformed bytes with a code, cuts off who goes on, and nobody else notices', async () => {
    const site = await openHere({ limits: { strikes: 3 } });
    const neighbour = await RawClient.join(site);
    const client = await RawClient.join(site);
    const nonsense = [
      Uint8Array.of(17, 1),
      Uint8Array.of(17, 1, ...goodAct.subarray(0, 20)),
      Uint8Array.of(17, 1, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0),
    ];
    for (const bytes of nonsense) client.send(bytes);
    await until('three answers', () => client.answers.length === 3);
    expect(
      client.answers.every(
        ({ outcome, code, sequence }) => outcome === 'failed' && code === 'bad-request' && sequence === 0,
      ),
    ).toBe(true);
    expect(client.closed).toBeNull();
    client.act(1, 'inbound', { to: 'A', amount: 1 });
    await until('a good act still counts', () => client.answerTo(1)?.outcome === 'issued');
    client.send(Uint8Array.of(17, 99));
    await until('the cut', () => client.closed !== null);
    expect(client.closed?.code).toBe(4400);
    expect(client.closed?.reason).toContain('bad-request');
    expect(site.gateway.stats().cutOff.nonsense).toBe(1);
    site.world.append(1);
    await until('the neighbour goes on', () => neighbour.number === site.world.state.number);
    expect(neighbour.faults).toEqual([]);
    expect(site.log.loud).toEqual([]);
  });

  it('[EDGE1] survives every truncation and a thousand mutations of an act', async () => {
    const site = await openHere({ limits: { strikes: 1_000_000, excess: 1_000_000 } });
    const client = await RawClient.join(site);
    let sent = 0;
    for (let length = 0; length < goodAct.length; length++, sent++)
      client.send(Buffer.concat([Uint8Array.of(17, 1), goodAct.subarray(0, length)]));
    await until('an answer each', () => client.answers.length === sent);
    expect(client.answers.every(({ outcome }) => outcome === 'failed')).toBe(true);
    const roll = dice(7);
    for (let i = 0; i < 1_000; i++, sent++) {
      const bytes = Uint8Array.from(goodAct);
      for (let k = 0; k < 1 + roll() * 3; k++)
        bytes[Math.floor(roll() * bytes.length)] = Math.floor(roll() * 256);
      client.send(Buffer.concat([Uint8Array.of(17, 1), bytes]));
      if (i % 50 === 0) await until('answers', () => client.answers.length >= sent - 50);
    }
    await until('an answer each', () => client.answers.length === sent);
    expect(client.closed).toBeNull();
    expect(site.log.loud).toEqual([]);
    await until('the commands', () => client.number === site.world.state.number);
    expect(client.faults).toEqual([]);
  });

  it('[EDGE1] does not bother the leader with arguments that are not sound', async () => {
    const site = await openHere({ limits: { strikes: 3 } });
    site.world.holding = true;
    const client = await RawClient.join(site);
    const args = inbound.encode({ to: 'A', amount: 1 });
    client.act(1, 'inbound', args.subarray(0, args.length - 8));
    client.act(2, 'inbound', new Uint8Array(0));
    client.act(3, 'transfer', args);
    await until('three answers', () => client.answers.length === 3);
    expect(
      client.answers.every(({ outcome, code }) => outcome === 'failed' && code === 'bad-arguments'),
    ).toBe(true);
    expect(site.world.held).toEqual([]);
    expect(client.closed).toBeNull();
    client.act(4, 'inbound', args.subarray(0, 8));
    client.act(5, 'inbound', args.subarray(0, 8));
    await until('the cut', () => client.closed !== null);
    expect(client.closed?.code).toBe(4400);
    expect(site.world.held).toEqual([]);
  });

  it('[EDGE1] lets nothing but its own messages reach Colyseus', async () => {
    const site = await openHere({ limits: { strikes: 20 } });
    const client = await RawClient.join(site);
    // A string of 4 GB as message type, which Colyseus would try to read; its other protocol codes; a text.
    const hostile = [
      Uint8Array.of(13, 0xdb, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(17, 0xdb, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(21, 0, 0xdb, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(13, 0xa4, 0x61, 0x62, 0x63, 0x64, 0xdd, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(19),
      Uint8Array.of(20, 255, 255),
      Uint8Array.of(11),
      Uint8Array.of(14),
      Uint8Array.of(0),
      Uint8Array.of(255),
      Uint8Array.of(17),
      new Uint8Array(0),
    ];
    const from = performance.now();
    for (const bytes of hostile) client.send(bytes);
    client.socket.send('a text');
    await until('an answer each', () => client.answers.length === hostile.length + 1);
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(client.answers.every(({ code }) => code === 'bad-request')).toBe(true);
    client.send(Uint8Array.of(10));
    client.send(Uint8Array.of(18));
    client.act(1, 'inbound', { to: 'A', amount: 1 });
    await until('a good act', () => client.answerTo(1)?.outcome === 'issued');
    expect(client.kinds.filter((kind) => kind === 6)).toHaveLength(1);
  });

  it('[EDGE1] answers in proper text whatever a client or a game says', async () => {
    const site = await openHere();
    const client = await RawClient.join(site);
    // Cut in the middle of a pair of surrogates, which has no UTF-8 form.
    client.act(1, `${'x'.repeat(63)}\u{1f984}`, {});
    await until('an answer', () => client.answers.length === 1);
    expect(client.answers[0]).toMatchObject({ outcome: 'failed', code: 'no-such-action' });
    const failure = new ThroughlineError('refused', 'half \ud83e', { gameCode: 'half-\ud83e' });
    site.world.failure = failure;
    client.act(2, 'inbound', { to: 'A', amount: 1 });
    await until('another', () => client.answers.length === 2);
    expect(client.answers[1]).toMatchObject({
      outcome: 'refused',
      code: 'half-\ufffd',
      detail: 'half \ufffd',
    });
    const far = await openHere();
    far.world.append(3);
    far.world.beforeRead = async () => {
      throw new ThroughlineError('overloaded', 'é'.repeat(200));
    };
    const other = await RawClient.join(far, { from: 1 });
    await until('the close', () => other.closed !== null);
    expect(other.closed?.code).toBe(4503);
    expect(other.closed?.reason).toHaveLength(123);
    expect(site.log.loud).toEqual([]);
  });

  it('[EDGE2] counts nonsense against the rate, too', async () => {
    const site = await openHere({ limits: { rate: 10, burst: 10, excess: 20 } });
    const client = await RawClient.join(site);
    for (let i = 1; i <= 100; i++) client.act(i, 'fly', {});
    await until('the cut', () => client.closed !== null);
    expect(client.closed?.code).toBe(4429);
    expect(client.answers.filter(({ code }) => code === 'no-such-action').length).toBeLessThan(15);
  });

  it('takes the bytes of an act before their buffer is used again', async () => {
    const site = await openHere();
    const client = await RawClient.join(site);
    site.world.holding = true;
    for (let i = 1; i <= 20; i++) client.act(i, 'inbound', { to: 'ABC'[i % 3], amount: i });
    await until('all held', () => site.world.held.length === 20);
    client.send(new Uint8Array(30_000).fill(17));
    await until('nonsense was heard', () => client.answers.length === 1);
    for (const [i, { request }] of site.world.held.entries())
      expect(inbound.decode(request.args)).toEqual({ to: 'ABC'[(i + 1) % 3], amount: i + 1 });
  });

  it('[EDGE2] cuts off a flood, and the neighbour does not notice', async () => {
    const site = await openHere({ limits: { rate: 50, burst: 50, excess: 100 } });
    const neighbour = await RawClient.join(site);
    const flood = await RawClient.join(site);
    const frame = Buffer.concat([Uint8Array.of(17, 1), goodAct]);
    for (let i = 0; i < 3_000 && flood.closed === null; i++) {
      flood.send(frame);
      if (i % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until('the cut', () => flood.closed !== null);
    expect(flood.closed?.code).toBe(4429);
    expect(flood.closed?.reason).toContain('rate-limited');
    expect(flood.answers.some(({ code }) => code === 'rate-limited')).toBe(true);
    expect(site.gateway.stats().cutOff.flood).toBe(1);
    neighbour.act(1, 'inbound', { to: 'B', amount: 1 });
    await until('the neighbour is answered', () => neighbour.answerTo(1)?.outcome === 'issued');
    const pings = await RawClient.join(site);
    for (let i = 0; i < 500; i++) pings.send(Uint8Array.of(18));
    await until('the cut', () => pings.closed !== null);
    expect(pings.closed?.code).toBe(4429);
  });

  it('[EDGE2] cuts off a message that is too large', async () => {
    const site = await openHere();
    const client = await RawClient.join(site);
    client.send(new Uint8Array(70_000).fill(17));
    await until('the cut', () => client.closed !== null);
    const other = await RawClient.join(site);
    other.act(1, 'inbound', { to: 'A', amount: 1 });
    await until('the others go on', () => other.answerTo(1)?.outcome === 'issued');
    expect(site.log.loud).toEqual([]);
  });

  it('[EDGE2] bounds the answers that a client does not read', async () => {
    const site = await openHere({
      limits: { outboxMost: 200_000, rate: 1e9, burst: 1e9, outstanding: 1_000_000, stallMs: 3_600_000 },
    });
    const client = await RawClient.join(site);
    client.stall();
    let sent = 0;
    const end = Date.now() + 20_000;
    while (site.gateway.stats().clients > 0 && Date.now() < end) {
      client.acts(
        Array.from(
          { length: 100 },
          () => [++sent, 'outbound', { from: `${'x'.repeat(200)}`, amount: 1 }] as const,
        ),
      );
      await new Promise((resolve) => setImmediate(resolve));
      expect(site.gateway.stats().outboxBytes).toBeLessThan(300_000);
    }
    expect(site.gateway.stats()).toMatchObject({ clients: 0, cutOff: { overflow: 1 }, outstanding: 0 });
  });

  it('settles what was outstanding when its client has gone', async () => {
    const site = await openHere();
    const client = await RawClient.join(site);
    site.world.holding = true;
    client.act(1, 'inbound', { to: 'A', amount: 1 });
    await until('it held', () => site.world.held.length === 1);
    client.terminate();
    await until('it left', () => site.gateway.stats().clients === 0);
    site.world.release();
    expect(site.gateway.stats()).toMatchObject({ outstanding: 0, actions: { issued: 1 } });
    expect(site.world.state.number).toBe(1);
    expect(site.log.loud).toEqual([]);
  });
});
