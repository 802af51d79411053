/** A region server's links in a process of their own: says one number to the first region. Arguments: own port, peer's port, number. */
import { createLinks } from '../../server/links/net.ts';
import { memoryStores, numbered, REGIONS, SECRET } from './support.ts';

const [own, peer, number = '1'] = process.argv.slice(2);
const address = (port: string | undefined) => ({ host: '127.0.0.1', port: Number(port) });

const links = createLinks(
  {
    self: 1,
    regions: REGIONS,
    peers: [address(peer), address(own), address('1')],
    secret: SECRET,
    cluster: 'c1',
    version: 'child',
    folder: memoryStores('child'),
    logger: { info: () => {}, warn: () => {} },
  },
  {
    message: () => {},
    link: (device, up) => {
      if (device === 0 && up) links.send('w', 0, numbered(Number(number)));
    },
  },
);
links.start().catch((error: unknown) => {
  process.stdout.write(`${String(error)}\n`);
  process.exit(1);
});
