/** Sends back whatever comes, at once; told by IPC to begin, tells its port. */
import { createServer } from 'node:net';

process.once('disconnect', () => process.exit(0));
process.once('message', () => {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => socket.write(chunk));
  });
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
});
