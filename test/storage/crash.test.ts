import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDataFolder } from '../../server/storage/identity.ts';
import { openLevelStore } from '../../server/storage/level-store.ts';
import { bundle, type Child, start } from './child.ts';
import { temporaryFolder } from './level-place.ts';

const ROUNDS = 20;

describe('a process that dies while it writes', () => {
  let path: string;
  let programs: string;
  let program: string;
  const children: Child[] = [];
  const run = (limit?: number): Child => {
    const child = start(program, [path], limit);
    children.push(child);
    return child;
  };
  beforeAll(async () => {
    path = await temporaryFolder();
    programs = await temporaryFolder();
    program = await bundle('storage/crash-child', programs);
  });
  afterAll(async () => {
    for (const child of children) child.process.kill('SIGKILL');
    await rm(path, { recursive: true, force: true });
    await rm(programs, { recursive: true, force: true });
  });

  it(`loses nothing that resolved, killed ${ROUNDS} times`, async () => {
    let promised = 0;
    let ballot = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const child = run();
      const [, voted, nextBal, whole] = (await child.until((line) => line.startsWith('open'))).split(' ');
      expect(Number(voted), `round ${round}`).toBeGreaterThanOrEqual(promised);
      expect(Number(nextBal), `round ${round}`).toBeGreaterThanOrEqual(ballot);
      expect(whole, `round ${round}`).toBe('true');
      // Killed after a number of answers that differs by round: in the middle of a flush more often than not.
      await child.until(() => child.lines.length > 2 + ((round * 37) % 150));
      child.process.kill('SIGKILL');
      await child.exited;
      for (const line of child.lines) {
        const [what, last, promise] = line.split(' ');
        if (what !== 'done') continue;
        promised = Math.max(promised, Number(last));
        ballot = Math.max(ballot, Number(promise));
      }
    }
    expect(promised).toBeGreaterThan(ROUNDS * 10);
  }, 60_000);

  it('holds the store: another process is refused while it lives', async () => {
    const child = run();
    await child.until((line) => line.startsWith('done'));
    const folder = await openDataFolder(path, { cluster: 'c1', region: 'eu' });
    await expect(openLevelStore(folder)).rejects.toMatchObject({
      code: 'store-in-use',
      message: expect.stringContaining('another process'),
    });
    child.process.kill('SIGKILL');
    await child.exited;
  });

  it('fails for good when the disk is full, and goes on once there is room', async () => {
    const before = run();
    const [, voted] = (await before.until((line) => line.startsWith('open'))).split(' ');
    before.process.kill('SIGKILL');
    await before.exited;
    // A bound on the size of files is as good as a full disk: the write-ahead log grows beyond it.
    const child = run(256);
    const failed = await child.until((line) => line.startsWith('failed'));
    await child.exited;
    expect(failed).toContain('no room left on the disk');
    const done = child.lines
      .filter((line) => line.startsWith('done'))
      .map((line) => Number(line.split(' ')[1]));
    expect(Math.max(...done)).toBeGreaterThan(Number(voted));
    const after = run();
    const [, kept, , whole] = (await after.until((line) => line.startsWith('open'))).split(' ');
    expect(Number(kept)).toBeGreaterThanOrEqual(Math.max(...done));
    expect(whole).toBe('true');
    after.process.kill('SIGKILL');
    await after.exited;
  });
});
