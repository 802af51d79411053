/**
 * House rules as a test: which room may import which, what pure rooms may touch, and what must not be left behind.
 * The picture of the floors is ARCHITECTURE.md, "The house".
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  encoding: 'utf8',
})
  .split('\0')
  .filter((path) => path !== '' && existsSync(path));
const sources = tracked.filter((path) => path.endsWith('.ts') && !path.startsWith('schemas/generated/'));

/** Rooms by path prefix, longest first; what each may import besides itself. */
const ROOMS: readonly {
  readonly prefix: string;
  readonly may: readonly string[];
  readonly pure?: boolean;
}[] = [
  // The envelope is the one hand-written codec above a generated one.
  { prefix: 'schemas/support/', may: ['schemas/generated/command.ts'], pure: true },
  { prefix: 'schemas/generated/', may: ['schemas/support/'], pure: true },
  { prefix: 'schemas/', may: ['schemas/'] },
  { prefix: 'game-logic/', may: ['schemas/support/', 'schemas/generated/'], pure: true },
  { prefix: 'server/consensus/', may: [], pure: true },
  {
    prefix: 'server/leader/',
    may: ['schemas/', 'game-logic/', 'server/consensus/', 'server/limits.ts'],
    pure: true,
  },
  {
    prefix: 'server/replica/',
    may: [
      'schemas/',
      'game-logic/',
      'server/consensus/',
      'server/leader/',
      'server/links/types.ts',
      'server/errors.ts',
      'server/limits.ts',
      'server/world-service.ts',
    ],
    pure: true,
  },
  {
    prefix: 'server/storage/',
    may: ['schemas/', 'server/consensus/types.ts', 'server/limits.ts', 'server/errors.ts'],
  },
  {
    prefix: 'server/links/',
    may: [
      'schemas/',
      'game-logic/types.ts',
      'server/consensus/types.ts',
      'server/leader/types.ts',
      'server/limits.ts',
      'server/errors.ts',
      'server/world-service.ts',
    ],
  },
  {
    prefix: 'server/gateway/',
    may: [
      'schemas/',
      'game-logic/',
      'server/world-service.ts',
      'server/limits.ts',
      'server/errors.ts',
      'server/log.ts',
    ],
  },
  {
    prefix: 'server/admin/',
    may: [
      'schemas/',
      'game-logic/',
      'server/world-service.ts',
      'server/limits.ts',
      'server/errors.ts',
      'server/log.ts',
      'server/links/types.ts',
    ],
  },
  { prefix: 'server/', may: ['schemas/', 'game-logic/', 'server/', 'bots/'] },
  { prefix: 'client/', may: ['schemas/', 'game-logic/'] },
  { prefix: 'bots/', may: ['schemas/', 'game-logic/', 'client/'] },
  { prefix: 'test/', may: ['schemas/', 'game-logic/', 'server/', 'client/', 'bots/'] },
];

/** Small tools of the ground floor of the server that any room there may use. */
const GROUND = ['server/crc32.ts', 'server/answer-message.ts'];

const roomOf = (path: string) => ROOMS.find((room) => path.startsWith(room.prefix));

function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s[^'"\n;]*?(?:\n[^'"\n;]*?)*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

describe('the house', () => {
  it('[HOUSE1] imports point down the floors only', () => {
    const wrong: string[] = [];
    for (const path of sources) {
      const room = roomOf(path);
      if (room === undefined || room.prefix === 'test/') continue;
      for (const target of importsOf(path).filter((name) => name.startsWith('.'))) {
        const resolved = normalize(join(dirname(path), target));
        if (room.prefix.startsWith('server/') && GROUND.includes(resolved)) continue;
        if (resolved.startsWith(room.prefix) || room.may.some((prefix) => resolved.startsWith(prefix)))
          continue;
        wrong.push(`${path} imports ${resolved}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('[HOUSE2] pure rooms import no package and reach for nothing impure', () => {
    const impure =
      /\b(Date\.now|new Date\(\)|Math\.random|performance\.|setTimeout|setInterval|setImmediate|queueMicrotask|process\.|globalThis|console\.|Buffer\.|crypto\.)/;
    const wrong: string[] = [];
    for (const path of sources.filter((source) => roomOf(source)?.pure === true)) {
      for (const target of importsOf(path))
        if (!target.startsWith('.')) wrong.push(`${path} imports ${target}`);
      // The rules of a game are leader functions: impurity is legal there.
      if (path.startsWith('game-logic/worlds/')) continue;
      readFileSync(path, 'utf8')
        .split('\n')
        .forEach((line, index) => {
          const code = line.replace(/^\s*(\*|\/\*|\/\/).*/, '').replace(/\s\/\/.*/, '');
          if (impure.test(code)) wrong.push(`${path}:${index + 1} ${line.trim()}`);
        });
    }
    expect(wrong).toEqual([]);
  });

  it('[HOUSE3] nothing is left for later and no machine is named', () => {
    const marks = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].map((word) => `\\b${word}\\b`).join('|'),
    );
    const places = new RegExp(['/wo' + 'rk/', '/ro' + 'ot/', '/ho' + 'me/[a-z]'].join('|'));
    const wrong: string[] = [];
    for (const path of tracked.filter(
      (name) => /\.(ts|mjs|md|fbs|json|html|css)$|\.ci\/run$/.test(name) && name !== 'package-lock.json',
    )) {
      readFileSync(path, 'utf8')
        .split('\n')
        .forEach((line, index) => {
          if (marks.test(line) || places.test(line))
            wrong.push(`${path}:${index + 1} ${line.trim().slice(0, 120)}`);
        });
    }
    expect(wrong).toEqual([]);
  });

  it('[HOUSE4] every numbered rule of ARCHITECTURE.md is cited by a test', () => {
    const rules = [...readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^- \*\*([A-Z]+\d+)\*\*/gm)].map(
      (match) => match[1] as string,
    );
    expect(rules.length).toBeGreaterThan(20);
    const tests = tracked
      .filter((path) => path.startsWith('test/') && path.endsWith('.ts'))
      .map((path) => readFileSync(path, 'utf8'))
      .join('\n');
    const cited = new Set(
      [...tests.matchAll(/\[([A-Z]+\d+(?:, [A-Z]+\d+)*)[\] ]/g)].flatMap((match) =>
        (match[1] as string).split(', '),
      ),
    );
    expect(rules.filter((rule) => !cited.has(rule))).toEqual([]);
  });

  it('the lock file names no download address', () => {
    expect(readFileSync('package-lock.json', 'utf8')).not.toMatch(/"resolved": "(https?|git|file)/);
  });
});
