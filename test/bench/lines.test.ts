/** The lines' hand-made wire formats, against real implementations where there is one here, and against answers in pieces. */
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { EtcdLine } from './lines/etcd-line.ts';
import type { Endpoint, Line } from './lines/line.ts';
import { RedisLine } from './lines/redis-line.ts';
import { joinRoom, RawWebSocket } from './lines/web-socket.ts';
import { ZooKeeperLine } from './lines/zookeeper-line.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function listen(server: Server): Promise<Endpoint> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as { port: number }).port };
}

/** A server that hands every piece it gets to `take`; answers leave byte by byte, as a slow network would bring them. */
function fake(
  take: (piece: Buffer, answer: (bytes: Buffer) => void, socket: Socket) => void,
): Promise<Endpoint> {
  const server = createServer({ noDelay: true }, (socket) => {
    ends.push(() => socket.destroy());
    const answer = (bytes: Buffer) => {
      for (const byte of bytes) socket.write(Buffer.from([byte]));
    };
    socket.on('data', (piece) => take(piece, answer, socket));
    socket.on('error', () => {});
  });
  return listen(server);
}

function put(line: Line): Promise<string | null> {
  ends.push(() => line.close());
  return new Promise((resolve) => line.put(resolve));
}

it('etcd: a real HTTP/2 server understands the calls, and what it refuses is refused', async () => {
  const server = createHttp2();
  const seen: { readonly path: unknown; readonly type: unknown; readonly body: Buffer }[] = [];
  server.on('stream', (stream, headers) => {
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => {
      seen.push({ path: headers[':path'], type: headers['content-type'], body: Buffer.concat(pieces) });
      const refuse = seen.length === 2;
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': refuse ? '14' : '0' }));
      stream.end(refuse ? undefined : Buffer.from([0, 0, 0, 0, 0]));
    });
  });
  server.on('session', (session) => ends.push(() => session.destroy()));
  const line = await EtcdLine.open(await listen(server as unknown as Server));
  expect(await put(line)).toBeNull();
  expect(await put(line)).toBe('refused');
  expect(await Promise.all(Array.from({ length: 50 }, () => put(line)))).toEqual(Array(50).fill(null));
  expect(seen[0]).toMatchObject({ path: '/etcdserverpb.KV/Put', type: 'application/grpc' });
  const { body } = seen[0]!;
  expect(body.readUInt32BE(1)).toBe(body.length - 5);
  // Field 1: the key, of 8 bytes; field 2: the value, of 64.
  expect([body[5], body[6], body[15], body[16], body.length]).toEqual([0x0a, 8, 0x12, 64, 5 + 10 + 66]);
});

it('Redis: answers in pieces, errors, and a WAIT that nobody vouched for', async () => {
  let said = '';
  let replicas = 1;
  const endpoint = await fake((piece, answer) => {
    said += piece.toString();
    if (said.includes('WAIT')) answer(Buffer.from(`$15\r\n1700000000000-0\r\n:${replicas}\r\n`));
    else if (said.includes('SET')) answer(Buffer.from(said.includes('key') ? '+OK\r\n' : '-ERR\r\n'));
    said = '';
  });
  expect(await put(await RedisLine.open(endpoint, false))).toBeNull();
  const stream = await RedisLine.open(endpoint, true);
  expect(await put(stream)).toBeNull();
  replicas = 0;
  expect(await put(stream)).toBe('no-replica');
});

it('ZooKeeper: the greeting, an answer, an error', async () => {
  const reply = (error: number) => {
    const bytes = Buffer.alloc(4 + 16);
    bytes.writeInt32BE(16);
    bytes.writeInt32BE(1, 4);
    bytes.writeInt32BE(error, 16);
    return bytes;
  };
  let pieces = 0;
  const endpoint = await fake((piece, answer) => {
    pieces += 1;
    expect(piece.readInt32BE(0)).toBe(piece.length - 4);
    if (pieces === 1) answer(Buffer.concat([Buffer.from([0, 0, 0, 37]), Buffer.alloc(37)]));
    else {
      // Request 1, 2 …, of type setData.
      expect([piece.readInt32BE(4), piece.readInt32BE(8)]).toEqual([pieces - 1, 5]);
      answer(reply(pieces === 2 ? 0 : -101));
    }
  });
  const line = await ZooKeeperLine.open(endpoint);
  expect(await put(line)).toBeNull();
  expect(await put(line)).toBe('-101');
});

it('a line that breaks tells all who wait, and says that it is closed', async () => {
  const endpoint = await fake((_, __, socket) => socket.destroy());
  const line = await RedisLine.open(endpoint, false);
  expect(await Promise.all([put(line), put(line)])).toEqual(['closed', 'closed']);
  expect(line.closed).toBe(true);
});

it('WebSocket: a real server takes our frames and we take its, of all three lengths', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  ends.push(() => server.close());
  server.on('connection', (socket) => {
    ends.push(() => socket.terminate());
    socket.on('message', (data) => socket.send(data as Buffer));
  });
  const lengths: number[] = [];
  let heard = () => {};
  const socket = await RawWebSocket.open(
    { host: '127.0.0.1', port: (server.address() as { port: number }).port },
    '/',
    {
      frame: (payload) => {
        lengths.push(payload.length);
        if (lengths.length === 4) heard();
      },
      closed: () => {},
    },
  );
  ends.push(() => socket.close());
  const all = new Promise<void>((resolve) => {
    heard = resolve;
  });
  for (const length of [1, 125, 126, 70_000]) socket.send(new Uint8Array(length).fill(3));
  await all;
  expect(lengths).toEqual([1, 125, 126, 70_000]);
});

it('WebSocket: a seat is taken where it says, which may be another port than that of the request', async () => {
  const rooms = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(rooms, 'listening');
  ends.push(() => rooms.close());
  const paths: (string | undefined)[] = [];
  rooms.on('connection', (socket, { url }) => {
    ends.push(() => socket.terminate());
    paths.push(url);
    socket.send(Uint8Array.of(10));
  });
  const publicAddress = `127.0.0.1:${(rooms.address() as { port: number }).port}`;
  const seat = { sessionId: 's', roomId: 'r', processId: 'p', publicAddress };
  const reception = createHttp((_, response) => response.end(JSON.stringify(seat)));
  const events = { frame: () => {}, closed: () => {} };
  const socket = await joinRoom(await listen(reception), 'world', {}, events);
  ends.push(() => socket.close());
  expect(paths).toEqual(['/p/r?sessionId=s']);
});
