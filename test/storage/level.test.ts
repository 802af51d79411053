import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Storage } from '../../server/storage/types.ts';
import { storageContract } from './contract.ts';
import { levelPlace } from './level-place.ts';
import { command, commands } from './model.ts';

storageContract('level', levelPlace);

type Entry = readonly [key: Buffer, value: Buffer];
type Raw = ClassicLevel<Buffer, Buffer>;
const IDENTITY = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x69]);

describe('level storage', () => {
  let place: Awaited<ReturnType<typeof levelPlace>>;
  let storage: Storage;
  beforeEach(async () => {
    place = await levelPlace();
    storage = place.make(100);
    await storage.open();
  });
  afterEach(async () => {
    await storage.close();
    await place.remove();
  });

  /** Issued 1..4 born in 3 and 5..6 born in 7, open votes for 7..9 in three records, one group each. */
  async function fill(): Promise<void> {
    let write = 0;
    await storage.append([{ write: ++write, votes: { ballot: 3, commands: commands(1, 2, 3, 0) } }]);
    await storage.append([{ write: ++write, votes: { ballot: 3, commands: commands(3, 4, 3, 3) } }]);
    await storage.append([{ write: ++write, votes: { ballot: 7, commands: commands(5, 6, 7, 3) } }]);
    await storage.append([{ write: ++write, issued: { upTo: 6, born: 7 } }]);
    for (let n = 7; n <= 9; n++) {
      await storage.append([{ write: ++write, votes: { ballot: 7, commands: [command(n, 7, 7)] } }]);
    }
  }

  /** Closes, lets `change` at the database with its entries, and opens again; tells what that said. */
  async function tamper(change: (level: Raw, entries: Entry[]) => Promise<void>): Promise<string> {
    await storage.close();
    const level: Raw = new ClassicLevel(`${place.path}/store`, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      compression: false,
    });
    await change(level, await level.iterator().all());
    await level.close();
    storage = place.make(0);
    try {
      const { upTo } = await storage.open();
      await storage.read(1, upTo, 1 << 20);
      return 'opened';
    } catch (error) {
      return (error as Error).message;
    }
  }
  const records = (entries: Entry[]) => entries.filter(([key]) => key[0] === 0 && key[4] === 0x76);
  const first = (key: Buffer) => Number(key.readBigUInt64BE(5));
  const recordOf = (entries: Entry[], number: number) =>
    records(entries).find(([key]) => first(key) === number && key[20] !== 0xff)!;

  it('is opened again as it was left', async () => {
    await fill();
    expect(await tamper(async () => {})).toBe('opened');
  });

  it('shows nothing of a group while it is on its way to the disk', async () => {
    await storage.append([{ write: 1, votes: { ballot: 4, commands: commands(1, 3, 4, 0) } }]);
    let durable = false;
    const pending = storage.append([{ write: 2, issued: { upTo: 3, born: 4 } }]).then(() => {
      durable = true;
    });
    await Promise.resolve();
    await Promise.resolve();
    expect([durable, storage.extent().last, await storage.read(1, 3, 1000)]).toEqual([false, 0, []]);
    await pending;
    expect(await storage.read(1, 3, 1000)).toHaveLength(3);
  });

  it.each([7, 8])('notices that the record of open vote %i is missing', async (number) => {
    await fill();
    const said = await tamper((level, entries) => level.del(recordOf(entries, number)[0]));
    expect(said).toContain('2 records hold votes above number 6, 3 were written');
  });

  it('notices that the newest record is missing, if it held a vote that a later one counted', async () => {
    await fill();
    await storage.append([{ write: 100, ballots: { lastTried: 0, nextBal: 8 } }]);
    const said = await tamper((level, entries) => level.del(recordOf(entries, 9)[0]));
    expect(said).toContain('2 records hold votes above number 6, 3 were written');
  });

  it('notices that a run is missing', async () => {
    await fill();
    const said = await tamper(async (level, entries) => {
      const runs = entries.filter(([key]) => key[4] === 0x72);
      expect(runs).toHaveLength(2);
      await level.del(runs[1]![0]);
    });
    expect(said).toContain('1 runs up to ballot 3, expected 2 up to ballot 7 for number 6');
  });

  it('notices that an issued record is missing', async () => {
    await fill();
    const said = await tamper((level, entries) => level.del(recordOf(entries, 3)[0]));
    expect(said).toContain('the issued command 3, born in ballot 3, is missing');
  });

  it('notices that the state is gone', async () => {
    await fill();
    const said = await tamper((level, entries) =>
      level.batch(records(entries).map(([key]) => ({ type: 'del', key }))),
    );
    expect(said).toContain('2 runs, but no record of the state');
  });

  it.each([0, 9, 17, 30, 60, 101, 140])(
    'notices that byte %i of a value was changed, and names the key',
    async (at) => {
      await fill();
      const said = await tamper(async (level, entries) => {
        const [key, value] = recordOf(entries, 3);
        value[at]! ^= 2;
        await level.put(key, value);
      });
      expect(said).toContain('record of number 3 (key 0000000176000000000000000300000000000000');
      expect(said).toContain('checksum does not match');
      expect(said).toContain('put it back');
    },
  );

  it('notices that a sound value stands under another key', async () => {
    await fill();
    const said = await tamper(async (level, entries) => {
      const [key, value] = recordOf(entries, 3);
      const other = Buffer.from(key);
      other[20]! ^= 0x40;
      await level.batch([
        { type: 'del', key },
        { type: 'put', key: other, value },
      ]);
    });
    expect(said).toMatch(/holds number 3 of serial \d/);
  });

  it('notices a chain that does not fit, though each record does', async () => {
    await fill();
    const other = await levelPlace();
    const its = other.make(0);
    await its.open();
    await its.append([{ write: 1, votes: { ballot: 3, commands: commands(1, 2, 3, 0) } }]);
    await its.append([{ write: 2, votes: { ballot: 3, commands: [command(3, 3, 2), command(4, 3, 3)] } }]);
    await its.close();
    const level: Raw = new ClassicLevel(`${other.path}/store`, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
    });
    const [, value] = recordOf(await level.iterator().all(), 3);
    await level.close();
    await other.remove();
    const said = await tamper((mine, entries) => mine.put(recordOf(entries, 3)[0], value));
    expect(said).toContain('command 3 depends on ballot 2, but number 2 was born in 3');
  });

  it('is foreign without its identity, and corrupt with a damaged one', async () => {
    await fill();
    expect(await tamper((level) => level.del(IDENTITY))).toContain('does not say whose store it is');
    const value = Buffer.from('garbage of some length');
    expect(await tamper((level) => level.put(IDENTITY, value))).toContain('identity record is damaged');
  });

  it('keeps the state of a group without commands in one place', async () => {
    await fill();
    for (let i = 0; i < 20; i++) {
      await storage.append([{ write: 100 + i, ballots: { lastTried: 0, nextBal: 10 + i } }]);
    }
    let count = 0;
    await tamper(async (_, entries) => {
      count = records(entries).filter(([key]) => key[20] === 0xff).length;
    });
    // One beside number 5, when 6 was issued, and one beside number 9.
    expect(count).toBe(2);
  });
});
