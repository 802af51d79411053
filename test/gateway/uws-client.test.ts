/** The client and emitter that stand for a socket before Colyseus: what it keeps, whom it tells, in which order. */

import type { WebSocket as UwsSocket } from 'uWebSockets.js';
import { matchMaker } from '@colyseus/core';
import { afterEach, describe, expect, it } from 'vitest';
import { UwsClient } from '../../server/gateway/uws-client.ts';
import { closeAll, openSite, RawClient, seat, until } from './support.ts';

afterEach(closeAll);

const OPEN = 1;
const CLOSED = 3;

/** A socket that notes what is asked of it, and throws once it is closed, as uWebSockets.js' own do. */
function open() {
  const calls: string[] = [];
  let closed = false;
  const note = (call: string) => {
    if (closed) throw new Error('Invalid access of closed uWS.WebSocket/SSLWebSocket.');
    calls.push(call);
  };
  const socket = {
    send: (bytes: Uint8Array) => note(`send ${bytes[0]}`),
    close: () => note('close'),
    end: (code: number) => note(`end ${code}`),
  } as unknown as UwsSocket<unknown>;
  const client = new UwsClient('seat', socket);
  return {
    calls,
    client,
    lose() {
      closed = true;
    },
  };
}

describe('a client on uWebSockets.js', () => {
  it('tells what is below Colyseus of the close first, then Colyseus, once', () => {
    const { client } = open();
    const told: string[] = [];
    client.below = { closed: () => told.push(`below ${client.readyState}`) };
    client.once('close', (code: number) => told.push(`room ${code}`));
    client.emit('close', 1006);
    client.emit('close', 1006);
    expect(told).toEqual([`below ${CLOSED}`, 'room 1006', `below ${CLOSED}`]);
  });

  it('hands messages to the one who listens, and to nobody after that', () => {
    const { client } = open();
    const heard: unknown[] = [];
    const listener = (message: unknown) => heard.push(message);
    expect(client.emit('message', 'early')).toBe(false);
    client.on('message', listener);
    expect(client.emit('message', 'one')).toBe(true);
    client.removeAllListeners('message');
    client.emit('message', 'late');
    expect(heard).toEqual(['one']);
  });

  it('exchanges the listener for the close, and refuses one that would be forgotten', () => {
    const { client } = open();
    const [first, second] = [() => {}, () => {}];
    client.once('close', first);
    expect(() => client.once('close', second)).toThrow("two listen to 'close'");
    client.removeListener('close', second);
    expect(() => client.once('close', second)).toThrow("two listen to 'close'");
    client.removeListener('close', first);
    client.once('close', second);
  });

  it('refuses whatever else Colyseus might come to want, and stays as it was', () => {
    const { client } = open();
    const told: string[] = [];
    client.on('message', () => told.push('message'));
    client.once('close', () => told.push('close'));
    const wants: readonly (readonly [string, () => unknown])[] = [
      ['error', () => client.on('error', () => {})],
      ['error', () => client.emit('error', new Error('x'))],
      ['ping', () => client.emit('ping', undefined)],
      ['message', () => client.removeListener('message', () => {})],
      ['close', () => client.removeAllListeners('close')],
    ];
    for (const [event, want] of wants) expect(want).toThrow(`does not know this of '${event}'`);
    expect(client.readyState).toBe(OPEN);
    client.emit('message', 'one');
    client.emit('close', 1006);
    expect(told).toEqual(['message', 'close']);
  });

  it('sends nothing on a socket that is closed', async () => {
    const { client, calls, lose } = open();
    client.raw(Uint8Array.of(10));
    client.refuse(524, 'no seat', 4002);
    await Promise.resolve();
    lose();
    client.raw(Uint8Array.of(10));
    expect(client.readyState).toBe(CLOSED);
    client.leave(1000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual(['send 10', 'send 11']);
  });

  it('stays as it was made when Colyseus deletes what waits for the acknowledgement', () => {
    const { client } = open();
    const before = Object.keys(client);
    expect(delete (client as { _enqueuedMessages?: unknown })._enqueuedMessages).toBe(true);
    expect([client._enqueuedMessages, client.readyState]).toEqual([[], OPEN]);
    expect(Object.keys(client)).toEqual(before);
  });

  it('keeps nothing of its upgrade, nor of what let it in', async () => {
    const site = await openSite();
    const { json } = await seat(site, { world: 'warehouse' });
    const joined = new RawClient(RawClient.url(site, json));
    await until('the welcome', () => joined.welcome !== null);
    const room = matchMaker.getLocalRoomById(json.roomId);
    const [client] = room.clients as unknown as readonly UwsClient[];
    expect(client).toBeInstanceOf(UwsClient);
    expect(client).not.toHaveProperty('auth');
    expect(client?.socket).toMatchObject({ url: undefined, searchParams: undefined, context: undefined });
    joined.leave();
    await until('the close', () => joined.closed !== null);
    expect([joined.closed?.code, room.clients.length]).toEqual([4000, 0]);
  });
});
