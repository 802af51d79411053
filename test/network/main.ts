/**
 * `npm run network`: region servers on hosts of their own (network namespaces), with links cut by iptables, processes stopped
 * and killed, and a disk that fills up.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Network } from './hosts.ts';

const HELP = `npm run network

Region servers on hosts of their own (network namespaces; needs root, ip and iptables), with links cut one way and both,
processes stopped and killed, and a disk that fills up. Exit codes: 0 all well, 1 a promise was broken, 2 wrong usage,
3 this machine cannot do it.
`;

const given = process.argv.slice(2);
const obstacle = Network.obstacle();
if (given.length > 0) {
  console.log(HELP);
  process.exitCode = given.every((word) => word === '--help' || word === '-h') ? 0 : 2;
} else if (obstacle !== null) {
  console.log(`the network test was not run: ${obstacle}`);
  process.exitCode = 3;
} else {
  const network = new Network(String(process.pid));
  try {
    network.create();
    process.exitCode = await insideHub(network);
  } finally {
    network.remove();
  }
}

/** The scenarios run where they reach all hosts. */
function insideHub(network: Network): Promise<number> {
  const script = fileURLToPath(new URL('./scenarios.ts', import.meta.url));
  const child = spawn(
    'ip',
    ['netns', 'exec', network.hub, process.execPath, '--import', 'tsx', script, network.tag],
    { stdio: 'inherit' },
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}
