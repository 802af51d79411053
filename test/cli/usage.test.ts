import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { environmentName, readOptions } from '../../server/cli/options.ts';
import { run } from '../../server/cli/run.ts';
import { readServeOptions, SERVE_OPTIONS } from '../../server/cli/serve-options.ts';

async function cli(...argv: string[]) {
  let out = '';
  let err = '';
  const code = await run(argv, {
    environment: {},
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

const peers = 'eu=127.0.0.1:7567,us=127.0.0.1:7568,ap=127.0.0.1:7569';
const serve = ['--region', 'eu', '--peers', peers, '--data', 'x'];

describe('the command line', () => {
  it.each<[string[], string]>([
    [[], 'which command'],
    [['relay'], "no command 'relay'"],
    [['toString'], "no command 'toString'"],
    [['serve'], '--region'],
    [['serve', '--no-such'], 'no-such'],
    [['serve', '--secret', 'x'], 'secret'],
    [['serve', 'now'], "'now'"],
    [['serve', ...serve.slice(0, 4)], '--data'],
    [['serve', ...serve, '--region', 'xx'], "'xx'"],
    [['serve', ...serve, '--peers', 'eu=1'], 'HOST:PORT'],
    [['serve', ...serve, '--peers', 'eu=127.0.0.1:1,eu=127.0.0.1:2'], 'twice'],
    [['serve', ...serve, '--peers', 'eu=127.0.0.1:0'], 'port'],
    [['serve', ...serve, '--listen', '0.0.0.0:2567'], 'loopback'],
    [['serve', ...serve, '--admin', '[::]:8567'], 'loopback'],
    [['serve', ...serve, '--peers', 'eu=10.0.0.1:7567'], 'loopback'],
    [['serve', ...serve, '--listen', '127.0.0.1:99999'], 'HOST:PORT'],
    [['serve', ...serve, '--worlds', 'nowhere'], "'nowhere'"],
    [['serve', ...serve, '--worlds', 'duel=nowhere'], "no definition 'nowhere' for 'duel'"],
    [['serve', ...serve, '--worlds', 'arena,Duel=arena'], "'Duel' is no name"],
    [['serve', ...serve, '--worlds', 'a/b=arena'], "'a/b' is no name"],
    [['serve', ...serve, '--worlds', `${'x'.repeat(64)}=arena`], 'is no name'],
    [['serve', ...serve, '--worlds', '=arena'], "'' is no name"],
    [['serve', ...serve, '--worlds', 'arena,arena'], 'arena is named twice'],
    [['serve', ...serve, '--worlds', 'd-{1..3}=arena,d-2=arena'], 'd-2 is named twice'],
    [['serve', ...serve, '--worlds', 'd-{3..1}=arena'], 'ends before it begins'],
    [['serve', ...serve, '--worlds', 'd-{1..999999999}=arena'], 'at most 16384'],
    [['serve', ...serve, '--worlds', 'd-{1..16384}=arena,one=arena'], 'at most 16384'],
    [['serve', ...serve, '--election-ms', 'soon'], 'election-ms'],
    [['serve', ...serve, '--transport', 'pigeon'], 'pigeon'],
    [['serve', ...serve, '--voting', 'nobody'], 'voting'],
    [['serve', ...serve, '--config', '/no/such/file'], 'no such file'],
    [['serve', ...serve, '--tls-key', '/no/such/file'], 'no such file'],
    [['status', 'now'], "'now'"],
    [['state', '--at', 'soon'], 'soon'],
    [['act'], 'which action'],
    [['hand-over'], '--to'],
  ])('%j is wrong usage', async (argv, words) => {
    const { code, out, err } = await cli(...argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(words);
  });

  it('fails with 1 where nobody answers', async () => {
    const { code, err } = await cli('status', '--admin', '127.0.0.1:1');
    expect(code).toBe(1);
    expect(err).toContain('127.0.0.1:1');
  });

  it('tells every command and its options', async () => {
    const main = await cli('--help');
    expect([main.code, main.err]).toEqual([0, '']);
    for (const command of ['demo', 'serve', 'status', 'act', 'state', 'commands', 'hand-over']) {
      expect(main.out).toContain(command);
      const { code, out } = await cli(command, '--help');
      expect([code, out.startsWith(`throughline ${command} `)]).toEqual([0, true]);
    }
    const { out } = await cli('serve', '--help');
    for (const name of Object.keys(SERVE_OPTIONS))
      expect(out).toContain(SERVE_OPTIONS[name]?.secret ? environmentName(name) : `--${name}`);
  });

  it('command line before environment before file before default', () => {
    const specs = { a: { value: 'X', help: '', initial: 'default' }, on: { help: '' } };
    const read = (argv: string[], env: NodeJS.ProcessEnv, file: object) =>
      readOptions('test', specs, argv, env, file as { [name: string]: unknown });
    expect(read([], {}, {}).get('a')).toBe('default');
    expect(read([], {}, { a: 'file' }).get('a')).toBe('file');
    expect(read([], { THROUGHLINE_A: 'env' }, { a: 'file' }).get('a')).toBe('env');
    expect(read(['--a', 'line'], { THROUGHLINE_A: 'env' }, { a: 'file' }).get('a')).toBe('line');
    expect([read(['--on'], {}, {}).flag('on'), read([], {}, { on: true }).flag('on')]).toEqual([true, true]);
    expect(read(['--no-on'], { THROUGHLINE_ON: '1' }, {}).flag('on')).toBe(false);
    expect(() => read([], {}, { b: 1 })).toThrow("no option 'b'");
    expect(() => read([], { THROUGHLINE_ON: 'yes' }, {}).flag('on')).toThrow('true or false');
  });

  it('secrets come from the environment or the file, and open what is not loopback', () => {
    const open = ['--listen', '0.0.0.0:2567'];
    const env = { THROUGHLINE_SECRET: 'sixteen letters!', THROUGHLINE_ADMIN_TOKEN: 'token' };
    const { config } = readServeOptions([...serve, ...open], env);
    expect(config).toMatchObject({
      region: 'eu',
      regions: ['eu', 'us', 'ap'],
      secret: 'sixteen letters!',
      adminToken: 'token',
    });
    expect(() => readServeOptions([...serve, ...open], { ...env, THROUGHLINE_ADMIN_TOKEN: '' })).toThrow(
      'THROUGHLINE_ADMIN_TOKEN',
    );
    expect(() => readServeOptions(serve, { THROUGHLINE_SECRET: 'short' })).toThrow('16');
  });

  it('worlds have names of their own, one by one or in ranges, on the line and in the file', () => {
    const worlds = (text: string) => readServeOptions([...serve, '--worlds', text], {}).config.worlds;
    const named = (text: string) => worlds(text).map(({ name, definition }) => `${name}=${definition}`);
    expect(named('arena, duel-1=arena')).toEqual(['arena=arena', 'duel-1=arena']);
    expect(named('d{8..10}x=warehouse')).toEqual(['d8x=warehouse', 'd9x=warehouse', 'd10x=warehouse']);
    expect(named('d{08..10}=arena')).toEqual(['d08=arena', 'd09=arena', 'd10=arena']);
    expect(worlds('w-{1..16384}=warehouse')).toHaveLength(16_384);
    const folder = mkdtempSync(join(tmpdir(), 'throughline-usage-'));
    try {
      const path = join(folder, 'config.json');
      const fromFile = (given: unknown) => {
        writeFileSync(path, JSON.stringify({ worlds: given }));
        return readServeOptions([...serve, '--config', path], {}).config.worlds;
      };
      const both = [
        { name: 'arena', definition: 'arena' },
        { name: 'duel', definition: 'arena' },
      ];
      expect(fromFile(['arena', 'duel=arena'])).toEqual(both);
      expect(fromFile({ arena: 'arena', duel: 'arena' })).toEqual(both);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('a fault needs --allow-faults', () => {
    const env = { THROUGHLINE_FAULT: 'kill-after-send:begin-ballot:number=2' };
    expect(readServeOptions(serve, env).config.fault).toBeUndefined();
    expect(readServeOptions([...serve, '--allow-faults'], env).config.fault).toBeDefined();
  });
});
