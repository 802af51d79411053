/** Looks whether the ports of a demo are free, before anything is started. */
import { createServer } from 'node:net';
import { Failure } from '../usage.ts';
import { HOST, type RegionPlace } from './layout.ts';

/** Rejects with a Failure that names the first port that is taken. */
export async function requireFreePorts(places: readonly RegionPlace[]): Promise<void> {
  for (const { client, peer, admin } of places)
    for (const port of [client, peer, admin]) {
      const code = await tryPort(port);
      if (code === 'EADDRINUSE')
        throw new Failure(`port ${port} on ${HOST} is taken; choose other ports with --port`);
      if (code !== null) throw new Failure(`port ${port} on ${HOST} cannot be used (${code}); see --port`);
    }
}

function tryPort(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: HOST, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
