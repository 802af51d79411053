/** A Colyseus room that broadcasts the same bytes at a steady rate, on the uWebSockets.js transport. Everything is told by IPC. */
import { WebSocket } from 'ws';

globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;
const { Room, Server } = await import('@colyseus/core');
const { uWebSocketsTransport } = await import('@colyseus/uwebsockets-transport');
const { freePorts } = await import('../../cluster/harness.ts');
const { publishSteadily } = await import('./steadily.ts');
type PublishOrder = import('./steadily.ts').PublishOrder;

process.once('disconnect', () => process.exit(0));
// Colyseus says 'ready' to whoever started its process, among our own messages.
const tell = process.send?.bind(process);
delete process.send;

let room: Loud | null = null;

class Loud extends Room {
  override maxClients = 100_000;
  override onCreate(): void {
    this.autoDispose = false;
    room = this;
  }
}

process.on('message', (order: PublishOrder) => {
  const frame = new Uint8Array(order.bytes).fill(1);
  publishSteadily(order, () => room?.broadcastBytes(2, frame, {}));
  tell?.('publishing');
});

const server = new Server({
  greet: false,
  transport: new uWebSocketsTransport({ idleTimeout: 120, maxBackpressure: 1 << 20 }),
});
server.define('room', Loud);
const [port = 0] = await freePorts(1);
await server.listen(port, '127.0.0.1');
tell?.({ port });
