import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reasonOf } from './reasons.ts';
import { type Covered, type FileReport, type Gap, percent, reportOf, sum } from './report.ts';

const HELP = `npm run coverage -- [options]

Runs the simulator and the golden stories and says which lines and branches of server/consensus and server/leader they
reach, and which they do not, each with the reason. Assertions that stop the server (fail, throw) count like all other
code; without them the figures are shown as well, for most of them only a fault of the project's own code reaches.

  --least N    exit with 1 below N % of lines or branches of either room, assertions included (default 95)
  --from DIR   report on what an earlier run with --to wrote; runs nothing
  --to DIR     keep what was measured there
  --help`;

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const ROOMS = ['server/consensus', 'server/leader'] as const;

function measure(directory: string): void {
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const args = [
    vitest,
    'run',
    '--config',
    'test/covered/vitest.config.ts',
    `--coverage.reportsDirectory=${directory}`,
  ];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`the tests that measure failed: ${status}`);
}

function read(directory: string): ReadonlyMap<string, FileReport> {
  const all = JSON.parse(readFileSync(join(directory, 'coverage-final.json'), 'utf8')) as Record<
    string,
    Covered
  >;
  return new Map(
    Object.entries(all).map(([path, file]) => [
      relative(root, path),
      reportOf(file, readFileSync(path, 'utf8')),
    ]),
  );
}

function whyOf(file: string, { why, text }: Gap): string {
  if (why === 'stop') return 'an assertion: a fault of our own code would reach it';
  if (why === 'alarm') return 'an alarm: no story breaks the protocol this way yet';
  return reasonOf(file, text) ?? 'no reason known';
}

/** False if a room is below the least share. */
function show(files: ReadonlyMap<string, FileReport>, least: number): boolean {
  for (const [name, { gaps }] of files)
    for (const gap of gaps)
      console.log(`${name}:${gap.line} ${gap.why.padEnd(5)} ${gap.text}\n      ${whyOf(name, gap)}`);
  console.log('\n| room | lines | branches | lines without assertions | branches without assertions |');
  console.log('|---|---|---|---|---|');
  let enough = true;
  for (const room of ROOMS) {
    const inside = [...files].filter(([name]) => name.startsWith(room)).map(([, report]) => report);
    const [lines, branches, honestLines, honestBranches] = (
      ['lines', 'branches', 'honestLines', 'honestBranches'] as const
    ).map((part) => percent(sum(inside.map((report) => report[part]))));
    console.log(
      `| ${room} | ${[lines, branches, honestLines, honestBranches].map((share) => `${share!.toFixed(2)} %`).join(' | ')} |`,
    );
    if (lines! < least || branches! < least) enough = false;
  }
  if (!enough) console.log(`below ${least} %`);
  return enough;
}

function main(): number {
  const { values } = parseArgs({
    options: {
      least: { type: 'string', default: '95' },
      from: { type: 'string' },
      to: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.from !== undefined) return show(read(values.from), Number(values.least)) ? 0 : 1;
  const directory = values.to ?? mkdtempSync(join(tmpdir(), 'coverage-'));
  try {
    measure(directory);
    return show(read(directory), Number(values.least)) ? 0 : 1;
  } finally {
    if (values.to === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

process.exitCode = main();
