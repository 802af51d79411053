/**
 * `fanout`: one world, a thousand sockets on one server, a command about sixty times a second: frames delivered for each second of that server's
 * processor time, beside a bare uWebSockets.js publish of as many bytes and a Colyseus room that broadcasts them.
 */
import { type BenchOptions, wanted } from './args.ts';
import { type Report, ratio, Samples } from './figures.ts';
import type { Endpoint } from './lines/line.ts';
import { prepare } from './lines/open-line.ts';
import type { PublishOrder } from './lines/steadily.ts';
import { type Child, cpuSeconds, pause, progress, startHelper } from './processes.ts';
import { Pulse } from './pulse.ts';
import { Receivers, told } from './receivers.ts';
import { round, table } from './statistics.ts';
import { throughline } from './systems/throughline.ts';

const SOCKETS = 1_000;
/** Two clients, at two servers that are not measured, each so often: 60 commands a second. */
const ACT_EVERY_MS = 33;
const SETTLE_MS = 1_500;

const OURS = 'Throughline';
const BARE = 'bare uWS publish';
const ROOM = 'Colyseus broadcastBytes';
/** Milliseconds of processor time a second for the same commands when nobody listens. Each comes alone then, so it is no part of the rest. */
const OURS_ALONE = 'Throughline: CPU when nobody listens';

interface Delivered {
  readonly frames: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpu: number;
}

export async function fanout(options: BenchOptions): Promise<Report> {
  const sockets = options.counts?.[0] ?? SOCKETS;
  const samples = new Samples();
  // What ours sent sets the pace for the others.
  let pace: PublishOrder = { bytes: 256, perSecond: 60, group: 1 };
  for (let index = 0; index < options.rounds; index++) {
    if (wanted(options, OURS)) {
      const ours = await measureOurs(sockets, options, samples);
      pace = {
        bytes: Math.round(ours.bytes / ours.frames),
        perSecond: Math.max(1, Math.round(ours.frames / ours.seconds / sockets)),
        group: 1,
      };
    }
    if (wanted(options, BARE))
      await measureOther(BARE, './lines/bare-uws-main.ts', null, sockets, pace, options, samples);
    if (wanted(options, ROOM))
      await measureOther(ROOM, './lines/colyseus-room-main.ts', 'room', sockets, pace, options, samples);
  }
  const figures = samples.figures();
  const notes = [
    `${sockets} sockets, ${pace.perSecond} frames of ${pace.bytes} bytes a second to each, in all three one system call a frame and socket; server processor time only`,
    `ours also agrees on, stores and applies the ${Math.round(2_000 / ACT_EVERY_MS)} commands a second that it publishes: with nobody listening that takes ${samples.cell(OURS_ALONE, 0)} ms of processor time a second`,
    `frames per CPU second, ours against a bare publish: ${ratio(figures, `${OURS}: frames`, `${BARE}: frames`)}`,
  ];
  const rows = [OURS, BARE, ROOM].map((name) => [
    ...[name, samples.cell(`${name}: frames`, 0), samples.spread(`${name}: frames`, 0)],
    samples.cell(`${name}: CPU`, 2),
  ]);
  const head = ['server', 'frames per CPU s', 'spread', 'CPU us a frame'];
  return { figures, tables: [table([head, ...rows])], notes };
}

function note(samples: Samples, name: string, { frames, cpu, seconds }: Delivered): void {
  samples.add(`${name}: frames`, frames / cpu, '/CPU s', 'more');
  samples.add(`${name}: CPU`, (cpu / frames) * 1e6, 'us/frame', 'less');
  progress(`${name}: ${Math.round(frames / seconds)} frames/s, ${round((cpu / frames) * 1e6)} us each`);
}

async function measureOurs(sockets: number, options: BenchOptions, samples: Samples): Promise<Delivered> {
  const running = await throughline().start();
  let pulse: Pulse | null = null;
  try {
    const leader = await running.leader();
    const index = (leader + 1) % running.endpoints.length;
    const endpoint = running.endpoints[index]!;
    await prepare('throughline', running.endpoints[leader]!);
    const others = running.endpoints.filter((_, each) => each !== index);
    pulse = await Pulse.start({ kind: 'throughline', endpoints: others, lines: 1, everyMs: ACT_EVERY_MS });
    const pid = running.servers[index]!.pid;
    const room = { name: 'world', options: { world: 'warehouse', stream: options.stream } };
    const delivered = await measureAt(pid, endpoint, room, sockets, options.seconds);
    // Not before: a process that just started is busy with compiling, which would count for the delivery afterwards.
    const alone = await processorTime(pid, options.seconds);
    note(samples, OURS, delivered);
    samples.add(OURS_ALONE, alone * 1000, 'ms/s', 'less');
    return delivered;
  } finally {
    await pulse?.stop();
    await running.stop();
  }
}

/** Seconds of processor time a second. */
async function processorTime(pid: number, seconds: number): Promise<number> {
  await pause(SETTLE_MS);
  const [before, from] = [cpuSeconds([pid]), performance.now()];
  await pause(seconds * 1_000);
  return (cpuSeconds([pid]) - before) / ((performance.now() - from) / 1_000);
}

async function measureOther(
  name: string,
  file: string,
  room: string | null,
  sockets: number,
  pace: PublishOrder,
  options: BenchOptions,
  samples: Samples,
): Promise<void> {
  const server = startHelper(file);
  try {
    const { port } = await listening(server);
    const at = room === null ? null : { name: room, options: {} };
    await told(server, pace);
    note(
      samples,
      name,
      await measureAt(server.pid, { host: '127.0.0.1', port }, at, sockets, options.seconds),
    );
  } finally {
    await server.stop();
  }
}

export function listening(server: Child): Promise<{ readonly port: number }> {
  return new Promise((resolve, reject) => {
    server.process.once('message', (message) => resolve(message as { port: number }));
    server.process.once('exit', (code) =>
      reject(new Error(`the server ended with ${code}: ${server.tail()}`)),
    );
  });
}

async function measureAt(
  pid: number,
  endpoint: Endpoint,
  room: { readonly name: string; readonly options: object } | null,
  sockets: number,
  seconds: number,
): Promise<Delivered> {
  const receivers = await Receivers.open({ endpoint, sockets, room });
  try {
    await pause(SETTLE_MS);
    const [before, cpu, from] = [await receivers.received(), cpuSeconds([pid]), performance.now()];
    await pause(seconds * 1_000);
    const [after, used] = [await receivers.received(), cpuSeconds([pid]) - cpu];
    if (after.closed > 0) throw new Error(`${after.closed} of ${sockets} sockets were closed`);
    return {
      frames: after.frames - before.frames,
      bytes: after.bytes - before.bytes,
      seconds: (performance.now() - from) / 1_000,
      cpu: used,
    };
  } finally {
    await receivers.close();
  }
}
