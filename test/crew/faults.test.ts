/** Real servers with workers, of which one comes to harm. */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Cluster, type Server, until } from '../cluster/harness.ts';
import { post } from '../cluster/player.ts';

let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.stop();
});

/** On SIGUSR2 the harm is done to the first worker. */
const HARM = (harm: string) => `
const { BroadcastChannel, MessagePort, isMainThread, workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const channel = new BroadcastChannel('harm');
channel.unref();
if (isMainThread) process.on('SIGUSR2', () => channel.postMessage(null));
else if (workerData.index === 1) channel.onmessage = () => { ${harm} };
`;

/** What would carry a write to the store throws, once; sends that follow are told of. */
const LOSES_A_WRITE = HARM(`
  const { postMessage } = MessagePort.prototype;
  let lost = false;
  MessagePort.prototype.postMessage = function (parcel, transfer) {
    const has = (test) => parcel?.items?.some(test);
    if (lost && has(({ notice }) => notice?.kind === 'send')) writeSync(2, 'sent all the same\\n');
    if (lost || !has(({ method }) => method === 'append')) return postMessage.call(this, parcel, transfer);
    lost = true;
    throw new Error('a bug of the host');
  };`);
const NEVER_ENDS = HARM('for (;;);');

/** Three regions, of which the first `count` can be harmed. */
async function harmed(harm: string, count: number): Promise<readonly Server[]> {
  cluster = await Cluster.prepare({ worlds: 'a=warehouse,b=warehouse', workers: 2 });
  const file = join(cluster.folder, 'harm.cjs');
  writeFileSync(file, harm);
  const env = { NODE_OPTIONS: `--require ${file}` };
  const { servers } = cluster;
  await Promise.all(servers.map((server, at) => server.start(at < count ? { env } : {})));
  for (const world of ['a', 'b']) await cluster.leader(world);
  return servers;
}

const reasonOf = ({ lines }: Server) => lines.find(({ event }) => event === 'draining')?.['reason'];
const last = ({ lines }: Server) => lines.at(-1);

/** Asks the world for something until its server is gone. */
async function actUntilGone(server: Server, world: string): Promise<void> {
  const { body } = await post(`${server.url}/v1/sessions`, { world });
  server.signal('SIGUSR2');
  for (let sequence = 1; server.running; sequence++) {
    const act = { sequence, action: 'inbound', args: { to: 'A', amount: 1 } };
    await post(`${server.url}/v1/worlds/${world}/actions`, act, body['token'] as string);
  }
}

describe('a region with workers', () => {
  it('[DISK3] leaves with code 1 when a worker lost a write, and sends nothing more from there', async () => {
    const [server] = (await harmed(LOSES_A_WRITE, 1)) as [Server];
    await actUntilGone(server, 'a');
    expect(await server.exit).toEqual({ code: 1, signal: null });
    expect(server.errors).toBe('');
    expect(reasonOf(server)).toContain('a bug of the host');
    expect(server.lines.filter(({ level }) => level === 'fatal')).toHaveLength(1);
    // The others go on.
    expect((await cluster!.leader('a')).region).not.toBe(server.region);
  }, 40_000);

  // Its sockets cannot be closed then: no code is left to say, and no dump is made.
  it('leaves when a worker never comes back from a function, and when it is told to meanwhile', async () => {
    const [first, second] = (await harmed(NEVER_ENDS, 2)) as [Server, Server];
    for (const server of [first, second]) server.signal('SIGUSR2');
    const told = performance.now();
    expect(await second.stop('SIGTERM')).toEqual({ code: null, signal: 'SIGKILL' });
    expect(performance.now() - told).toBeLessThan(7_000);
    await until('its last words', () => last(second)?.['event'] === 'drained');
    expect([reasonOf(second), last(second)]).toMatchObject(['SIGTERM', { late: true }]);

    expect(await first.exit).toEqual({ code: null, signal: 'SIGKILL' });
    await until('its last words', () => last(first)?.['event'] === 'drained');
    expect([reasonOf(first), last(first)?.['late']]).toEqual(['worker 1: stands still', undefined]);
    expect([first.errors, second.errors]).toEqual(['', '']);
  }, 40_000);
});

/** A header block in two parts, the second after the first was looked at. */
function inParts(port: number): Promise<string> {
  const head = `GET /v1/worlds/nowhere/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: a=${'x'.repeat(12_000)}`;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    socket.on('data', (data) => {
      heard += data;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(heard));
    socket.setTimeout(5_000, () => socket.destroy());
    socket.setNoDelay();
    socket.write(head.slice(0, 9_000));
    // Nothing says that the other end has read it.
    setTimeout(() => socket.write(`${head.slice(9_000)}\r\n\r\n`), 100);
  });
}

it("[EDGE2] a header block of 12 kB is read, at the client port and at a worker's", async () => {
  cluster = await Cluster.prepare({ worlds: 'a=warehouse', workers: 1 });
  const [server] = cluster.servers;
  await server!.start();
  for (const port of [server!.listen, server!.listen + 1]) {
    const heard = await inParts(port);
    expect([port - server!.listen, heard.split('\r\n')[0]]).toEqual([
      port - server!.listen,
      expect.stringMatching(/^HTTP\/1\.1 (401|404) /),
    ]);
  }
}, 30_000);
