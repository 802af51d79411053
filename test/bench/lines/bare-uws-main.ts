/** What uWebSockets.js alone can do: a topic, and the same bytes published at a steady rate. Everything is told by IPC. */
import uws from 'uWebSockets.js';
import { type PublishOrder, publishSteadily } from './steadily.ts';

const TOPIC = 't';

process.once('disconnect', () => process.exit(0));
const app = uws.App();
app.ws('/*', {
  idleTimeout: 120,
  maxBackpressure: 1 << 20,
  open: (socket) => void socket.subscribe(TOPIC),
});
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) throw new Error('cannot listen');
  process.on('message', (order: PublishOrder) => {
    const frame = new Uint8Array(order.bytes).fill(1);
    publishSteadily(order, () => app.publish(TOPIC, frame, true, false));
    process.send?.('publishing');
  });
  process.send?.({ port: uws.us_socket_local_port(socket) });
});
