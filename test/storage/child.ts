import { type ChildProcess, spawn } from 'node:child_process';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '../..');

/** Bundles a child's program, given by its path in test/, so that each of many children starts in a tenth of a second. */
export async function bundle(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${basename(name)}.cjs`);
  await build({
    entryPoints: [join(root, 'test', `${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    logLevel: 'error',
  });
  return outfile;
}

export interface Child {
  readonly process: ChildProcess;
  /** Lines so far. */
  readonly lines: string[];
  readonly exited: Promise<void>;
  /** Resolves once a line matches. */
  until(matches: (line: string) => boolean): Promise<string>;
}

/** Starts a bundled program; `limit` is bash's ulimit for the size of files, in KiB. */
export function start(program: string, args: readonly string[], limit?: number): Child {
  const env = { ...process.env, NODE_PATH: join(root, 'node_modules') };
  const options = { env, stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] };
  const run =
    limit === undefined
      ? spawn(process.execPath, [program, ...args], options)
      : spawn(
          'bash',
          ['-c', `ulimit -f ${limit}; exec "$0" "$@"`, process.execPath, program, ...args],
          options,
        );
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let rest = '';
  run.stdout.setEncoding('utf8');
  run.stdout.on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    for (const look of [...waiting]) look();
  });
  const exited = new Promise<void>((resolve) => run.once('close', () => resolve()));
  const until = (matches: (line: string) => boolean): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = lines.find(matches);
        if (line === undefined) return;
        waiting.delete(look);
        resolve(line);
      };
      waiting.add(look);
      look();
      void exited.then(() => reject(new Error(`the child ended: ${lines.slice(-3).join(' | ')}`)));
    });
  return { process: run, lines, exited, until };
}
