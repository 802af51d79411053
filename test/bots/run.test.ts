/** The whole command against three real servers; and with a lying witness between, so that the verdict fails. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../bots/report/types.ts';
import { run } from '../../server/cli/run.ts';
import { Cluster, until } from '../cluster/harness.ts';
import { LyingProxy } from './lying-proxy.ts';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(cli: string, argv: readonly string[]) {
  const child = spawn(process.execPath, [cli, 'bots', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => resolve({ code, out, err }));
  });
  return { child, ended, said: () => out };
}

let cluster: Cluster;
let folder: string;
const file = (name: string) => join(folder, name);
const report = (name: string) => JSON.parse(readFileSync(file(name), 'utf8')) as Report;
const bots = (...argv: string[]) => start(cluster.cli, argv).ended;
const urls = () => cluster.servers.map(({ url }) => url.replace('http', 'ws')).join(',');
const admins = () => cluster.servers.map(({ admin }) => `127.0.0.1:${admin}`).join(',');

interface Deed {
  readonly action: string;
  readonly args: string;
  /** Milliseconds after the one before. */
  readonly after: number;
}

/** What one player did, by the time from one deed to the next divided by `speed`. */
function spacing(
  acts: readonly { readonly action: string; readonly time: number; readonly args?: object }[],
  speed: number,
): Deed[] {
  return acts.map(({ action, time, args }, at) => ({
    ...{ action, args: JSON.stringify(args) },
    after: (time - (acts[at - 1]?.time ?? time)) / speed,
  }));
}

/** The deeds of each player of a record, by their numbers in it. */
function playOf(path: string, speed: number): Deed[][] {
  const [, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const acts = lines.map(
    (line) => JSON.parse(line) as { at: number; who: number; action: string; args: object },
  );
  const players = [...new Set(acts.map(({ who }) => who))].sort((a, b) => a - b);
  return players.map((player) => {
    const own = acts.filter(({ who }) => who === player).sort((a, b) => a.at - b.at);
    return spacing(
      own.map(({ at, action, args }) => ({ action, args, time: at })),
      speed,
    );
  });
}

/** The same actions in the same order; the time between them to a tenth of a millisecond. */
function expectSamePlay(actual: readonly Deed[], wanted: readonly Deed[]): void {
  expect(actual.map(({ action }) => action)).toEqual(wanted.map(({ action }) => action));
  for (const [at, { after }] of wanted.entries()) expect(actual[at]?.after).toBeCloseTo(after, 1);
}

/** Headers of a guest of the arena. */
async function guest(): Promise<{ [name: string]: string }> {
  const answer = await fetch(`${cluster.of('eu').url}/v1/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ world: 'arena' }),
  });
  const { token } = (await answer.json()) as { token: string };
  return { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
}

async function commands(from: number, to: number) {
  const { url } = cluster.of('eu');
  const path = `${url}/v1/worlds/arena/commands?from=${from}&to=${to}`;
  const text = await (await fetch(path, { headers: await guest() })).text();
  const lines = text.trim().split('\n');
  return lines.map((line) => JSON.parse(line) as { session: string | null; action: string; time: number });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'throughline-bots-'));
  cluster = await Cluster.start({ worlds: 'warehouse,arena' });
}, 60_000);

afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('bots against three servers', () => {
  it('trade while one is frozen: nothing lost, doubled or misordered, in every format', async () => {
    const formats = ['json', 'markdown', 'csv', 'html'];
    const { code, out, err } = await bots(
      ...['--url', urls(), '--admin', admins(), '--world', 'warehouse', '--warehouses', '10'],
      ...['--bots', '12', '--rate', '10', '--seconds', '6', '--workers', '2', '--ramp', '0.5'],
      ...[
        '--mix',
        'trader=3,spectator=1,roamer=1,mobile=1',
        '--fault',
        'freeze:ap@2s-3s',
        '--fault',
        'hand-over:us@4s',
      ],
      ...['--threshold', 'lost==0', '--threshold', 'acknowledged>50', '--threshold', 'issued.max<20000'],
      ...formats.flatMap((name) => [`--${name}`, file(name)]),
    );
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('VERDICT  ✓ sound');
    const { verdict, thresholds, load, counts, faults, trends, series, passed } = report('json');
    expect(passed).toBe(true);
    expect(verdict.books).toMatchObject({
      lost: 0,
      doubled: 0,
      misordered: 0,
      denied: 0,
      invented: 0,
      unchanged: 0,
    });
    expect(verdict.books?.acknowledged).toBe(counts.issued);
    expect(verdict.complaints).toEqual([]);
    expect(new Set(verdict.digests.map(([, digest]) => digest)).size).toBe(1);
    expect(thresholds.map((one) => one.passed)).toEqual([true, true, true]);
    expect([load.kinds, load.workers]).toEqual([{ trader: 6, spectator: 2, roamer: 2, mobile: 2 }, 2]);
    expect(faults.map(({ fault, problem }) => [fault, problem])).toEqual([
      ['freeze:ap@2s-3s', null],
      ['hand-over:us@4s', null],
    ]);
    expect(faults[0]?.regions).toEqual(['ap']);
    expect(counts.issued).toBeGreaterThan(50);
    // Both workers saw every command and found it sound.
    expect(counts.verified).toBeGreaterThan(counts.issued);
    expect([counts.wrong, counts.repeats]).toEqual([0, 0]);
    for (const name of ['issued', 'executed', 'seen', 'connect', 'late'] as const)
      expect(trends[name].count).toBeGreaterThan(0);
    expect(series.reduce((sum, { issued }) => sum + issued, 0)).toBeGreaterThan(counts.issued * 0.7);
    expect(readFileSync(file('markdown'), 'utf8')).toContain('**0 lost, 0 doubled, 0 misordered**');
    expect(readFileSync(file('csv'), 'utf8').split('\n').length).toBe(series.length + 2);
    expect(readFileSync(file('html'), 'utf8')).toMatch(/<svg[\s\S]+polyline/);
  }, 60_000);

  it('play in the arena; Ctrl-C ends it early, and it still reports', async () => {
    const argv = [
      '--url',
      urls(),
      '--bots',
      '9',
      '--seconds',
      '60',
      '--mix',
      'walker,fighter,churner',
      '--ramp',
      '0',
    ];
    const play = start(cluster.cli, [...argv, '--json', file('arena')]);
    await until('a word about the fifth second', () => play.said().includes('5 s  '), 30_000);
    play.child.kill('SIGINT');
    const { code, out } = await play.ended;
    expect([code, out.includes('interrupted')]).toEqual([0, true]);
    const { verdict, load, counts, passed } = report('arena');
    expect([passed, load.interrupted]).toEqual([true, true]);
    expect(load.seconds).toBeLessThan(50);
    expect(verdict.books).toMatchObject({ lost: 0, doubled: 0, misordered: 0, denied: 0, invented: 0 });
    expect(counts.predictions).toBeGreaterThan(20);
  }, 60_000);

  it.each([
    ['drop', 'lost'],
    ['double', 'doubled'],
    ['swap', 'misordered'],
  ] as const)(
    'a region that %ss a command is found out: %s, with its number',
    async (lie, kind) => {
      const proxy = await LyingProxy.start(cluster.of('eu').url, lie);
      try {
        const { code, out } = await bots(
          ...[
            '--url',
            `ws://127.0.0.1:${proxy.port}`,
            '--world',
            'warehouse',
            '--warehouses',
            '5',
            '--bots',
            '3',
          ],
          ...['--rate', '10', '--seconds', '2', '--ramp', '0', '--json', file(lie)],
        );
        expect(proxy.liedAbout).toBeGreaterThan(0);
        expect(code).toBe(1);
        expect(out).toContain('VERDICT  ✗ not sound');
        const { verdict } = report(lie);
        const found = verdict.problems.filter((problem) => problem.kind === kind).map(({ number }) => number);
        expect(found).toContain(proxy.liedAbout);
        expect(verdict.complaints.join()).toContain(kind);
        for (const other of ['lost', 'doubled', 'misordered'] as const)
          if (other !== kind) expect(verdict.books?.[other]).toBe(0);
      } finally {
        await proxy.stop();
      }
    },
    60_000,
  );

  it('most may take only their answers: the ledger still looks at every act', async () => {
    const { code } = await bots(
      ...[
        '--url',
        urls(),
        '--world',
        'warehouse',
        '--warehouses',
        '5',
        '--bots',
        '12',
        '--seconds',
        '3',
        '--ramp',
        '0',
      ],
      ...['--watchers', '1', '--json', file('few')],
    );
    expect(code).toBe(0);
    const { verdict, counts, trends } = report('few');
    expect(verdict.books).toMatchObject({ lost: 0, doubled: 0, misordered: 0, acknowledged: counts.issued });
    expect(counts.issued).toBeGreaterThan(50);
    // Three of twelve are sent the commands.
    expect(counts.commands).toBeLessThan(4 * counts.verified);
    expect(trends.seen.count).toBeGreaterThan(counts.issued);
  }, 60_000);

  it('only watch a world in which nothing happens, and that is sound, too', async () => {
    const { code, out } = await bots(
      ...[
        '--url',
        urls(),
        '--world',
        'warehouse',
        '--mix',
        'idle,spectator',
        '--bots',
        '4',
        '--seconds',
        '2',
      ],
      ...['--ramp', '0', '--json', file('idle')],
    );
    expect([code, out.includes('✓ sound')]).toEqual([0, true]);
    expect(report('idle')).toMatchObject({
      trends: { connect: { count: 4 } },
      counts: { acts: 0, wrong: 0 },
    });
  }, 60_000);

  it('come and go in stages, and what they did is done again at twice the speed', async () => {
    const common = ['--url', urls(), '--world', 'arena', '--quiet'];
    const first = await bots(
      ...[...common, '--mix', 'walker', '--rate', '5', '--stages', '6@1s,6@2s,0@1s'],
      ...['--record', file('first'), '--json', file('staged')],
    );
    expect([first.code, first.err]).toEqual([0, '']);
    const { series, verdict } = report('staged');
    expect(Math.max(...series.map(({ live }) => live))).toBe(6);
    expect(series.at(-1)?.live).toBeLessThan(6);
    const again = await bots(
      ...[...common, '--replay', file('first'), '--speed', '2'],
      ...['--record', file('again'), '--json', file('replayed')],
    );
    expect([again.code, again.err]).toEqual([0, '']);
    // Steps are by dice: the first one tells who is who.
    const byFirst = (a: Deed[], b: Deed[]) => ((a[0]?.args ?? '') < (b[0]?.args ?? '') ? -1 : 1);
    const wanted = playOf(file('first'), 2).sort(byFirst);
    const done = playOf(file('again'), 1).sort(byFirst);
    expect([wanted.length, done.length]).toEqual([6, 6]);
    for (const [at, deeds] of wanted.entries()) {
      expectSamePlay(done[at] ?? [], deeds);
      expect(done[at]?.map(({ args }) => args)).toEqual(deeds.map(({ args }) => args));
    }

    // The same from the world's own sequence: as many sessions, their actions in their order, at the pace of its clock.
    const { first: from = 0, last = 0 } = verdict.books ?? {};
    const slice = ['--from', String(from), '--to', String(last), '--speed', '2'];
    const { code, err } = await bots(
      ...common,
      ...slice,
      '--record',
      file('slice'),
      '--json',
      file('sliced'),
    );
    expect([code, err]).toEqual([0, '']);
    const sequence = (await commands(from, last)).filter(
      ({ session, action }) => session !== null && !action.startsWith('$'),
    );
    const sessions = [...new Set(sequence.map(({ session }) => session))];
    const sliced = playOf(file('slice'), 1);
    expect(sliced.length).toBe(sessions.length);
    for (const [at, session] of sessions.entries())
      expectSamePlay(
        sliced[at] ?? [],
        spacing(
          sequence.filter((one) => one.session === session),
          2,
        ),
      );
    expect(report('sliced').load.stages).toContain(`replay of ${sequence.length} acts of a sequence`);
  }, 90_000);

  it('a threshold that is not reached is exit code 1', async () => {
    const { code, out } = await bots(
      ...[
        '--url',
        urls(),
        '--world',
        'warehouse',
        '--warehouses',
        '5',
        '--bots',
        '2',
        '--seconds',
        '2',
        '--ramp',
        '0',
      ],
      ...['--threshold', 'issued.p99<0.001', '--threshold', 'lost==0', '--quiet'],
    );
    expect(code).toBe(1);
    expect(out).toContain('✗ issued.p99<0.001');
    expect(out).toContain('✓ lost==0');
    expect(out).toContain('VERDICT  ✓ sound');
  }, 60_000);

  it('who is not there is exit code 3', async () => {
    const { code, err } = await bots('--url', 'ws://127.0.0.1:1', '--seconds', '1');
    expect(code).toBe(3);
    expect(err).toContain('cannot be reached');
    const admin = await bots(
      '--url',
      urls(),
      '--seconds',
      '3',
      '--admin',
      '127.0.0.1:1',
      '--fault',
      'kill:leader@1s',
    );
    expect(admin.code).toBe(3);
    expect(admin.err).toContain('127.0.0.1:1');
    const mars = await bots(
      '--url',
      urls(),
      '--seconds',
      '3',
      '--admin',
      admins(),
      '--fault',
      'kill:mars@1s',
    );
    expect(mars.code).toBe(2);
    expect(mars.err).toContain('mars');
  }, 60_000);
});

describe('opponents for people', () => {
  it('come as many as the world wants, play without being watched, and say good-bye', async () => {
    const headers = await guest();
    const { url } = cluster.of('us');
    let sequence = 0;
    const want = async (count: number) => {
      const body = JSON.stringify({ sequence: ++sequence, action: 'opponents', args: { count } });
      const answer = await fetch(`${url}/v1/worlds/arena/actions`, { method: 'POST', headers, body });
      expect(answer.status).toBe(200);
    };
    const robots = async () => {
      const answer = await fetch(`${url}/v1/worlds/arena/state`, { headers });
      const { tables } = (await answer.json()) as {
        tables: { player: { kind: string; paid: number }[] };
      };
      return tables.player.filter(({ kind }) => kind === 'bot');
    };
    await want(4);
    const play = start(cluster.cli, ['--play', '--url', urls()]);
    await until('four robots', async () => (await robots()).length === 4, 20_000);
    const paid = (await robots()).map((one) => one.paid);
    await until('a step of each', async () => {
      const now = (await robots()).map((one) => one.paid);
      return now.length === 4 && now.every((time, at) => time !== paid[at]);
    });
    await want(1);
    await until('one robot', async () => (await robots()).length === 1);
    await want(2);
    await until('two robots', async () => (await robots()).length === 2);
    play.child.kill('SIGTERM');
    expect(await play.ended).toMatchObject({ code: 0, out: '', err: '' });
    // Gone at once, not after the time that a lost line is waited for.
    await until('no robot', async () => (await robots()).length === 0, 3_000);
  }, 60_000);
});

describe('wrong usage of bots', () => {
  it.each<[string[], string]>([
    [['--world', 'nowhere'], "'nowhere'"],
    [['--bots', '0'], 'bots'],
    [['--rate', 'fast'], "'fast'"],
    [['--mix', 'trader'], 'cannot play'],
    [['--threshold', 'issued<1'], 'needs one of'],
    [['--threshold', 'lost==0', '--threshold=gained==0'], "'gained'"],
    [['--fault', 'kill:leader@5s', '--fault', 'burn:eu@1s'], "'burn:eu@1s'"],
    [['--fault', 'kill:leader@99s'], 'over after'],
    [['--url', 'gopher://x'], "'gopher://x'"],
    [['--keys', '/no/such/file'], 'no such file'],
    [['--bots', '20000', '--rate', '1000', '--seconds', '3600'], 'too many'],
    [['--stages', '5@2s,x'], "'x'"],
    [['--stages', '5@2s', '--ramp', '1'], 'ramp'],
    [['--stages', '5@0.1s'], '0.1 s in all'],
    [['--replay', '/no/such/file'], 'no such file'],
    [['--replay', 'package.json'], 'line 1'],
    [['--replay', 'package.json', '--speed', '0'], 'speed'],
    [['now'], "'now'"],
  ])('%j', async (argv, words) => {
    let err = '';
    const terminal = { environment: {}, out: () => {}, err: (text: string) => (err += text) };
    expect(await run(['bots', ...argv], terminal)).toBe(2);
    expect(err).toContain(words);
  });
});
