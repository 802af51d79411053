/** The game of `players` as a Colyseus room with Schema state: in one process, nothing replicated, nothing on disk. */
import { schema, t } from '@colyseus/schema';
import { WebSocket } from 'ws';

globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;
const { Room, Server } = await import('@colyseus/core');
const { uWebSocketsTransport } = await import('@colyseus/uwebsockets-transport');
const { freePorts } = await import('../../cluster/harness.ts');

process.once('disconnect', () => process.exit(0));
// Colyseus says 'ready' to whoever started its process, before we can say where it listens.
const tell = process.send?.bind(process);
delete process.send;

const PATCH_MS = 50;
const ACT = 1;

/** What changes at a step in our arena, and what stands beside it. */
const Player = schema({
  name: t.string(),
  x: t.float32(),
  y: t.float32(),
  facing: t.float32(),
  hp: t.uint8(),
  coins: t.uint32(),
  score: t.uint32(),
});
const World = schema({ players: t.map(Player) });

class Game extends Room {
  override maxClients = 100_000;
  override patchRate = PATCH_MS;
  override onCreate(): void {
    this.autoDispose = false;
    const world = new World();
    this.setState(world);
    this.onMessageBytes(ACT, (client, message) => {
      const player = world.players.get(client.sessionId);
      if (player === undefined) return;
      const bytes = new DataView(message.buffer, message.byteOffset, message.byteLength);
      player.x = bytes.getFloat32(0, true);
      player.y += bytes.getFloat32(4, true);
      player.facing = player.facing === 0 ? Math.PI : 0;
    });
  }
  override onJoin(client: { readonly sessionId: string }): void {
    const player = new Player();
    Object.assign(player, { name: client.sessionId, x: 0, y: 0, facing: 0, hp: 20, coins: 0, score: 0 });
    (this.state as InstanceType<typeof World>).players.set(client.sessionId, player);
  }
  override onLeave(client: { readonly sessionId: string }): void {
    (this.state as InstanceType<typeof World>).players.delete(client.sessionId);
  }
}

const server = new Server({
  greet: false,
  // The largest queue of a client in our server, too.
  transport: new uWebSocketsTransport({ idleTimeout: 120, maxBackpressure: 1 << 20 }),
});
server.define('room', Game);
const [port = 0] = await freePorts(1);
await server.listen(port, '127.0.0.1');
tell?.({ port });
