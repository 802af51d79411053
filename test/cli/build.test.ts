/** The command line as it ships: which packages it still loads, and when it is made anew. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fingerprint, isBuilt, noteBuilt } from '../../scripts/built.mjs';
import { licencesOf } from '../../scripts/licences.mjs';
import { bundle, freePorts, Server } from '../cluster/harness.ts';

const NATIVE = ['classic-level', 'uWebSockets.js'];
/** Asked for in vain, unless somebody installs them. */
const OPTIONAL = ['@colyseus/redis-driver', '@colyseus/redis-presence', 'bufferutil', 'utf-8-validate'];

let cli: string;
let imports: readonly string[];
let remove: () => void;
beforeAll(async () => {
  ({ cli, imports, remove } = await bundle());
});
afterAll(() => remove());

const text = (file: string) => readFileSync(join(dirname(cli), file), 'utf8');
const parts = () => readdirSync(dirname(cli)).filter((file) => file.endsWith('.mjs'));
describe('the command line as it ships', () => {
  it('goes without the note of which sources it was made of', () => {
    const { files } = JSON.parse(readFileSync('package.json', 'utf8')) as { files: readonly string[] };
    expect(files).toEqual(expect.arrayContaining(['dist', '!dist/.built']));
  });

  it('holds every package but the native ones', () => {
    const foreign = imports.filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
    expect(foreign.sort()).toEqual([...NATIVE, ...OPTIONAL].sort());
  });

  it('goes with the licences of the packages that it holds', () => {
    const inputs = {
      'node_modules/jose/dist/key.js': { bytesInOutput: 10 },
      'node_modules/fast-check/index.js': { bytesInOutput: 0 },
      'server/region.ts': { bytesInOutput: 10 },
    };
    const licences = licencesOf(process.cwd(), [{ outputs: { 'dist/cli.js': { inputs } } }]);
    expect(licences).toMatch(/^jose \d.*MIT/m);
    expect(licences).toContain('Permission is hereby granted');
    expect(licences).not.toContain('fast-check');
  });

  it('a small command loads no server', () => {
    expect(text('cli.mjs').length).toBeLessThan(40_000);
    expect(text('cli.mjs')).not.toContain('classic-level');
  });

  it.each(['uws', 'ws'])(
    'serves with transport %s where only native packages are installed',
    async (transport) => {
      const folder = mkdtempSync(join(tmpdir(), 'throughline-dist-'));
      try {
        for (const file of parts()) cpSync(join(dirname(cli), file), join(folder, 'dist', file));
        mkdirSync(join(folder, 'node_modules'));
        // Through a link, so that what a native package needs itself is found beside it.
        for (const name of NATIVE)
          symlinkSync(join(process.cwd(), 'node_modules', name), join(folder, 'node_modules', name));
        const [listen = 0, admin = 0, ...peers] = await freePorts(5);
        const addresses = ['eu', 'us', 'ap']
          .map((region, at) => `${region}=127.0.0.1:${peers[at]}`)
          .join(',');
        const server = new Server('eu', listen, admin, [
          ...[join(folder, 'dist/cli.mjs'), 'serve', '--region', 'eu', '--peers', addresses, '--guests'],
          ...[
            '--listen',
            `127.0.0.1:${listen}`,
            '--admin',
            `127.0.0.1:${admin}`,
            '--data',
            join(folder, 'data'),
          ],
          ...['--worlds', 'warehouse', '--transport', transport],
        ]);
        await server.start();
        const guest = await fetch(`${server.url}/v1/sessions`, {
          method: 'POST',
          body: '{"world":"warehouse"}',
        });
        const metrics = await fetch(`${server.adminUrl}/metrics`);
        await server.stop('SIGTERM');
        expect([guest.status, metrics.status, server.errors]).toEqual([201, 200, '']);
        const [started] = server.lines.filter(({ event }) => event === 'started');
        const ms = expect.any(Number);
        expect(started).toMatchObject({ region: 'eu', ms: { load: ms, worlds: ms, doors: ms } });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});

/** What a build leaves: the command line, the SDK, the game-logic door, the page. */
const MADE = ['dist/cli.js', 'dist/client.js', 'dist/game-logic.js', 'dist/page/main.js'];

describe('a checkout', () => {
  it('is built anew when a source comes, goes or changes, and only then', () => {
    const root = mkdtempSync(join(tmpdir(), 'throughline-built-'));
    try {
      for (const name of [
        'schemas',
        'game-logic',
        'server',
        'client',
        'bots',
        'scripts',
        'dist/page',
        'node_modules',
      ])
        mkdirSync(join(root, name), { recursive: true });
      const source = join(root, 'server/one.ts');
      writeFileSync(source, '1');
      expect(isBuilt(root)).toBe(false);
      noteBuilt(root, fingerprint(root));
      expect(isBuilt(root)).toBe(false);
      for (const name of MADE) writeFileSync(join(root, name), '');
      expect(isBuilt(root)).toBe(true);
      const changes: (() => void)[] = [
        () => writeFileSync(source, '22'),
        () => writeFileSync(join(root, 'server/two.ts'), ''),
        () => rmSync(source),
        () => writeFileSync(join(root, 'node_modules/.package-lock.json'), '{}'),
        () => writeFileSync(join(root, 'package.json'), '{}'),
        () => writeFileSync(join(root, 'tsconfig.json'), '{}'),
      ];
      for (const change of changes) {
        change();
        expect(isBuilt(root)).toBe(false);
        noteBuilt(root, fingerprint(root));
        expect(isBuilt(root)).toBe(true);
      }
      for (const name of MADE) {
        rmSync(join(root, name));
        expect(isBuilt(root)).toBe(false);
        writeFileSync(join(root, name), '');
      }
      expect(isBuilt(root)).toBe(true);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
