import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { keysFile, keysOf } from '../../server/cli/demo/keys.ts';
import { placesOf } from '../../server/cli/demo/layout.ts';
import { LogFile } from '../../server/cli/demo/log-file.ts';
import { Screen } from '../../server/cli/demo/screen.ts';
import { Failure, UsageError } from '../../server/cli/usage.ts';

const folder = mkdtempSync(join(tmpdir(), 'throughline-demo-parts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the places of a demo', () => {
  it('are as in the contract', () => {
    expect(placesOf('eu, us,ap', '2567')).toEqual([
      { name: 'eu', client: 2567, peer: 7567, admin: 8567 },
      { name: 'us', client: 2568, peer: 7568, admin: 8568 },
      { name: 'ap', client: 2569, peer: 7569, admin: 8569 },
    ]);
  });

  it('do not leave the ports there are', () => {
    expect(placesOf('a,b,c', '59533').at(-1)?.admin).toBe(65_535);
    for (const [regions, port] of [
      ['a,b,c', '59534'],
      ['a', '0'],
      ['a', '1.5'],
      ['a,b,a', '2567'],
      ['', '2567'],
      ['a,b,c,d,e,f,g,h,i,j', '2567'],
    ] as const)
      expect(() => placesOf(regions, port), `${regions} ${port}`).toThrow(UsageError);
  });
});

describe('the keys of a demo', () => {
  it('are made once, for their owner only', () => {
    const data = join(folder, 'keys');
    const keys = keysOf(data);
    expect(keys.secret.length).toBeGreaterThan(40);
    expect(keysOf(data)).toEqual(keys);
    expect(statSync(keysFile(data)).mode & 0o777).toBe(0o600);
    writeFileSync(keysFile(data), '{"secret":"only"}');
    expect(() => keysOf(data)).toThrow(Failure);
  });
});

describe('the log of a region', () => {
  it('is bounded and goes on where it was', () => {
    const first = new LogFile(folder, 'eu', 100);
    for (let i = 0; i < 9; i++) first.write(`line ${i} of many`);
    first.close();
    first.write('late');
    const again = new LogFile(folder, 'eu', 100);
    again.write('another day');
    again.close();
    const [old, now] = ['eu.log.1', 'eu.log'].map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(old).toMatch(/^line 0 of many\n/);
    expect(old!.length).toBeLessThan(130);
    expect(now).toMatch(/line 8 of many\nanother day\n$/);
    expect(existsSync(join(folder, 'eu.log.2'))).toBe(false);
  });
});

describe('the screen of a demo', () => {
  function screen(isTTY: boolean, columns = 40) {
    const seen = { out: '', raw: [] as boolean[], keys: [] as string[] };
    let press: (text: string) => void = () => {};
    const keyboard = {
      isTTY,
      setRawMode: (raw: boolean) => seen.raw.push(raw),
      on: (_: 'data', listener: (data: string) => void) => {
        press = listener;
      },
      resume() {},
      pause() {},
    };
    const write = (text: string) => {
      seen.out += text;
    };
    return {
      seen,
      screen: new Screen({ isTTY, write, columns }, keyboard),
      press: (text: string) => press(text),
    };
  }

  it('keeps one live line below the others, and hears keys', () => {
    const { seen, screen: shown, press } = screen(true);
    shown.status('a line that is much longer than the terminal is wide', 0);
    expect(seen.out).toBe('\r\x1b[Ka line that is much longer than the ter');
    shown.say('news');
    expect(seen.out).toContain('\r\x1b[Knews\na line that');
    shown.listen((key) => seen.keys.push(key));
    press('Kh\x03');
    expect(seen.keys).toEqual(['k', 'h', 'q']);
    shown.close();
    expect(seen.raw).toEqual([true, false]);
  });

  it('prints plain lines without a terminal, the status now and then, and waits for no key', () => {
    const { seen, screen: shown, press } = screen(false);
    shown.listen((key) => seen.keys.push(key));
    press('k');
    for (let now = 0; now < 25_000; now += 500) shown.status(`at ${Math.floor(now / 10_000)}`, now);
    shown.say('news');
    shown.close();
    expect(seen).toEqual({ out: 'at 0\nat 1\nat 2\nnews\n', raw: [], keys: [] });
  });
});
