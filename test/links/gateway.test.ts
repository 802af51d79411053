import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeMessage } from '../../schemas/generated/peer.ts';
import { ThroughlineError } from '../../server/errors.ts';
import { FRAME } from '../../server/links/frames.ts';
import { GatewayClient } from '../../server/links/gateway-client.ts';
import { GATEWAY_BOUNDS } from '../../server/links/gateway-link.ts';
import { Handshake } from '../../server/links/handshake.ts';
import type { ActAnswer, ActRequest, Asker, WorldService } from '../../server/world-service.ts';
import { identity, Raw } from './raw.ts';
import { Cluster, until } from './support.ts';

/** Answers each act with its sequence as number, once it is let. */
class Echo {
  readonly presence: string[] = [];
  readonly acts: ActRequest[] = [];
  readonly held: (() => void)[] = [];
  holding = false;

  act(request: ActRequest, asker: Asker, tag: number): void {
    this.acts.push(request);
    const { sequence, action } = request;
    const answer = () => {
      if (action === 'no') {
        asker.answered(tag, new ThroughlineError('refused', 'no goods', { gameCode: 'none' }), undefined);
      } else asker.answered(tag, null, { number: sequence, result: '{}', duplicate: false });
    };
    if (this.holding) this.held.push(answer);
    else queueMicrotask(answer);
  }
  connected(session: string): void {
    this.presence.push(`+${session}`);
  }
  disconnected(session: string, left: boolean): void {
    this.presence.push(`${left ? '!' : '-'}${session}`);
  }
}

const clusters: Cluster[] = [];
afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.stop()));
});

async function open(gateway: Partial<typeof GATEWAY_BOUNDS> = {}, gateways = 2) {
  const cluster = new Cluster();
  clusters.push(cluster);
  const echo = new Echo();
  const node = await cluster.start(0, {
    world: (name) => (name === 'w' ? (echo as unknown as WorldService) : undefined),
    bounds: { gateways, gateway: { ...GATEWAY_BOUNDS, ...gateway } },
  });
  const address = node.links.address();
  const dial = (name = 'gateway:one', secret?: string) =>
    GatewayClient.connect({
      socket: connect(address),
      region: 'eu',
      identity: identity(name, secret === undefined ? {} : { secret }),
    });
  return { cluster, echo, node, address, dial };
}

/** What became of an act, in words. */
function act(client: GatewayClient, sequence: number, action = 'go', session = 's', world = 'w') {
  return new Promise<string>((resolve) => {
    const answered = (_: number, error: ThroughlineError | null, answer: ActAnswer | undefined) =>
      resolve(error === null ? `${answer?.number}` : `${error.kind} ${error.gameCode ?? error.code}`);
    client.act(world, { session, sequence, action, args: new Uint8Array([1, 2]) }, { answered }, 0);
  });
}

describe('a gateway in a process of its own', () => {
  it('acts for its sessions and is answered, many in one frame', async () => {
    const { echo, dial } = await open();
    const client = await dial();
    const many = Array.from({ length: 2_500 }, (_, i) => act(client, i + 1, 'go', `s${i % 3}`));
    expect(await Promise.all(many)).toEqual(many.map((_, i) => `${i + 1}`));
    expect(echo.acts[2]).toMatchObject({ session: 's2', sequence: 3, action: 'go' });
    expect([...(echo.acts[2]?.args ?? [])]).toEqual([1, 2]);
    expect(await act(client, 1, 'no')).toBe('refused none');
    expect(await act(client, 1, 'go', 's', 'elsewhere')).toBe('refused no-such-world');
    expect(await act(client, 1, 'go', 'no session')).toBe('refused bad-request');
    client.close();
  });

  it('brings its sessions along, and takes them away', async () => {
    const { echo, dial } = await open();
    const client = await dial();
    await act(client, 1, 'go', 'a');
    await act(client, 1, 'go', 'b');
    await act(client, 2, 'go', 'a');
    client.left('w', ['a', 'stranger']);
    client.close();
    await until('both are gone', () => echo.presence.length === 4);
    expect(echo.presence).toEqual(['+a', '+b', '!a', '-b']);
  });

  it('[EDGE2] has bounds: what it may have outstanding, and how many sessions', async () => {
    const { echo, dial } = await open({ outstanding: 3, sessions: 2 });
    const client = await dial();
    echo.holding = true;
    const flood = Array.from({ length: 5 }, (_, i) => act(client, i + 1));
    expect(await Promise.all(flood.slice(3))).toEqual(['unavailable overloaded', 'unavailable overloaded']);
    for (const answer of echo.held.splice(0)) answer();
    expect(await Promise.all(flood.slice(0, 3))).toEqual(['1', '2', '3']);
    echo.holding = false;
    expect(await act(client, 1, 'go', 'second')).toBe('1');
    expect(await act(client, 1, 'go', 'third')).toBe('unavailable overloaded');
    client.left('w', ['second']);
    expect(await act(client, 1, 'go', 'third')).toBe('1');
    client.close();
  });

  it('[ANS3] that loses its connection does not know what became of its acts', async () => {
    const { echo, node, dial } = await open();
    const client = await dial();
    echo.holding = true;
    const open1 = act(client, 1);
    await until('it arrived', () => echo.held.length === 1);
    await node.links.close();
    expect(await open1).toBe('unknown no-quorum');
    for (const answer of echo.held.splice(0)) answer();
    expect(await client.closed).not.toBe('');
    expect(await act(client, 2)).toBe('unavailable no-quorum');
    expect(echo.presence).toEqual(['+s', '-s']);
  });

  it('[LINK1] proves the secret like a region, under a name that no region has', async () => {
    const { cluster, node, dial } = await open();
    await expect(dial('gateway:one', 'guessed and wrong')).rejects.toThrow('wrong-secret');
    await expect(dial('gateway:')).rejects.toThrow('not-a-peer');
    await expect(dial('gateway:a b')).rejects.toThrow('not-a-peer');
    await expect(dial('mars')).rejects.toThrow('not-a-peer');
    const closed = await cluster.start(1);
    const there = GatewayClient.connect({
      socket: connect(closed.links.address()),
      region: 'us',
      identity: identity('gateway:one'),
    });
    await expect(there).rejects.toThrow('not-a-peer');
    expect(node.connected()).toEqual([]);
  });

  it('is one of a bounded number', async () => {
    const { node, dial } = await open({}, 1);
    const first = await dial();
    await act(first, 1);
    const second = await dial('gateway:two');
    await second.closed;
    expect(node.codes).toContain('gateways');
    expect(await act(first, 2)).toBe('2');
    first.close();
  });

  it.each([
    [
      'what only regions say',
      FRAME.messages,
      encodeMessage({ world: 'w', body: { kind: 'myNextBal', ballot: 9 } }, true),
    ],
    [
      'a message that is no act',
      FRAME.acts,
      encodeMessage({ world: 'w', body: { kind: 'myNextBal', ballot: 9 } }, true),
    ],
    ['bytes that are no message', FRAME.acts, new Uint8Array(24).fill(9)],
    ['a second handshake', FRAME.handshake, new Uint8Array(8)],
  ])('[LINK2] is cut off for %s, and nobody else is', async (_, kind, body) => {
    const { node, address, dial } = await open();
    const good = await dial();
    await act(good, 1);
    const raw = Raw.dial(address);
    const { outcome } = await raw.shake(new Handshake(identity('gateway:bad'), 'dialler', 'eu'));
    expect(outcome.kind).toBe('done');
    raw.send(FRAME.ping, new Uint8Array(0));
    raw.send(kind, body);
    await until('closed', () => raw.closed);
    expect(await act(good, 2)).toBe('2');
    expect(node.received).toEqual([]);
    good.close();
  });

  it('[LINK2] a region that sends acts is cut off', async () => {
    const { address, echo, node } = await open();
    const raw = Raw.dial(address);
    await raw.shake(new Handshake(identity('us'), 'dialler', 'eu'));
    const body = { kind: 'executeBatch', ballot: 0, actions: [] } as const;
    raw.send(FRAME.acts, encodeMessage({ world: 'w', body }, true));
    await until('closed', () => raw.closed);
    await until('down', () => node.events.includes('1 down'));
    expect(echo.acts).toEqual([]);
  });

  it('that falls silent is given up', async () => {
    const { address, echo } = await open({ pingMs: 20, silenceMs: 60 });
    const raw = Raw.dial(address);
    await raw.shake(new Handshake(identity('gateway:mute'), 'dialler', 'eu'));
    const action = { request: 1, session: 's', sequence: 1, action: 'go', args: new Uint8Array(0) };
    const body = { kind: 'executeBatch', ballot: 0, actions: [action] } as const;
    raw.send(FRAME.acts, encodeMessage({ world: 'w', body }, true));
    await until('gone', () => raw.closed && echo.presence.includes('-s'));
  });
});
