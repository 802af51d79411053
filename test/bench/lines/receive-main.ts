/** Sockets that only receive: whole frames and bytes are counted, nothing is decoded. Counts are asked for by IPC. */
import type { Endpoint } from './line.ts';
import { joinRoom, RawWebSocket, type SocketEvents } from './web-socket.ts';

export interface ReceiveOrder {
  readonly endpoint: Endpoint;
  readonly sockets: number;
  /** Colyseus room and join options; null: a bare WebSocket. */
  readonly room: { readonly name: string; readonly options: object } | null;
}

export interface Received {
  readonly frames: number;
  readonly bytes: number;
  readonly closed: number;
  readonly cpuSeconds: number;
}

/** Joins under way at a time. */
const AT_ONCE = 16;

async function run({ endpoint, sockets, room }: ReceiveOrder): Promise<void> {
  let [frames, bytes, closed] = [0, 0, 0];
  const events: SocketEvents = {
    frame: () => {
      frames += 1;
    },
    bytes: (count) => {
      bytes += count;
    },
    closed: () => {
      closed += 1;
    },
  };
  const open = () =>
    room === null
      ? RawWebSocket.open(endpoint, '/', events)
      : joinRoom(endpoint, room.name, room.options, events);
  for (let done = 0; done < sockets; done += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, sockets - done) }, open));
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const received: Received = { frames, bytes, closed, cpuSeconds: (user + system) / 1e6 };
    process.send?.(received);
  });
  process.send?.('ready');
}

process.once('disconnect', () => process.exit(0));
process.once('message', (order: ReceiveOrder) => {
  run(order).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
