/** The verdict on sequences made by hand: every way of being wrong is told, with its number. */
import { describe, expect, it } from 'vitest';
import { Ledger, type LedgerCommand, type LedgerEntry, type Standing } from '../../bots/ledger.ts';

const BALLOT = { round: 3, region: 'eu' };

function command(
  number: number,
  session: string | null,
  sequence: number | null,
  more: Partial<LedgerCommand> = {},
) {
  return {
    ...{ number, session, sequence, ballot: BALLOT, precedent: BALLOT, changes: [], digest: '0' },
    ...more,
  } as LedgerCommand;
}

function told(
  session: string,
  sequence: number,
  number: number,
  standing: Standing | null = null,
): LedgerEntry {
  return { session, sequence, number, standing, fate: 'issued' };
}

/** Commands 11 to 16: three of ann's, one tick, two of bob's. */
const SEQUENCE = [
  command(11, 'ann', 1),
  command(12, 'bob', 1),
  command(13, null, null),
  command(14, 'ann', 2),
  command(15, 'bob', 4),
  command(16, 'ann', 3),
];
const BOOKS = [
  told('ann', 1, 11),
  told('bob', 1, 12),
  told('ann', 2, 14),
  told('bob', 4, 15),
  told('ann', 3, 16),
];

function verdict(commands: readonly LedgerCommand[], books: readonly LedgerEntry[] = BOOKS, last = 16) {
  const ledger = new Ledger(books, 11);
  for (const one of commands) ledger.command(one);
  return ledger.finish(last);
}

const without = (number: number) => SEQUENCE.filter((one) => one.number !== number);

describe('the ledger', () => {
  it('finds nothing in what is sound', () => {
    expect(verdict(SEQUENCE)).toEqual({
      ...{ first: 11, last: 16, commands: 6, acknowledged: 5, unchanged: 0, unacknowledged: 0, problems: [] },
      ...{ lost: 0, doubled: 0, misordered: 0, denied: 0, invented: 0 },
    });
  });

  it('tells of a lost act, and of a lost command that was nobody’s', () => {
    const act = verdict(without(14));
    expect(act).toMatchObject({ lost: 1, doubled: 0, misordered: 0 });
    expect(act.problems).toEqual([
      {
        kind: 'lost',
        number: 14,
        text: expect.stringContaining('act 2 of ann was acknowledged as command 14'),
      },
    ]);
    expect(verdict(without(13))).toMatchObject({ lost: 1, problems: [{ kind: 'lost', number: 13 }] });
  });

  it('tells of a lost end', () => {
    const cut = verdict(SEQUENCE.slice(0, 4));
    expect(cut).toMatchObject({ lost: 2, misordered: 0 });
    expect(cut.problems.map(({ number }) => number)).toEqual([15, 16]);
    // Bots saw 18, and nobody's act was in those two.
    expect(verdict(SEQUENCE, BOOKS, 18)).toMatchObject({
      lost: 2,
      problems: [{ number: 17 }, { number: 18 }],
    });
  });

  it('tells of an acknowledged act whose number is somebody else’s', () => {
    const renumbered = SEQUENCE.map((one) => (one.number === 14 ? command(14, 'eve', 9) : one));
    expect(verdict(renumbered)).toMatchObject({ lost: 1, problems: [{ kind: 'lost', number: 14 }] });
  });

  it('tells of a command that is there twice, and of an act with two effects', () => {
    const twice = [...SEQUENCE.slice(0, 4), command(14, 'ann', 2), ...SEQUENCE.slice(4)];
    expect(verdict(twice)).toMatchObject({
      doubled: 1,
      lost: 0,
      misordered: 0,
      problems: [{ kind: 'doubled', number: 14 }],
    });
    const effects = [...SEQUENCE, command(17, 'bob', 4)];
    expect(verdict(effects, BOOKS, 17)).toMatchObject({
      doubled: 1,
      problems: [{ kind: 'doubled', number: 17 }],
    });
  });

  it('tells of two that changed places, as lines and as contents', () => {
    const [a, b, c, d, e, f] = SEQUENCE as [LedgerCommand, ...LedgerCommand[]] as LedgerCommand[];
    const lines = verdict([a, b, c, e, d, f] as LedgerCommand[]);
    expect(lines).toMatchObject({
      lost: 0,
      doubled: 0,
      misordered: 1,
      problems: [{ kind: 'misordered', number: 14 }],
    });
    const contents = verdict([a, b, c, { ...e, number: 14 }, { ...d, number: 15 }, f] as LedgerCommand[]);
    expect(contents).toMatchObject({ lost: 0, doubled: 0, misordered: 2 });
    expect(contents.problems.map(({ number }) => number)).toEqual([14, 15]);
  });

  it('tells of a precedent that is not the command before', () => {
    const strange = { precedent: { round: 2, region: 'us' } };
    const broken = SEQUENCE.map((one) => (one.number === 15 ? { ...one, ...strange } : one));
    expect(verdict(broken)).toMatchObject({ misordered: 1, problems: [{ kind: 'misordered', number: 15 }] });
  });

  it('tells of a session whose acts were executed out of their order', () => {
    const books = [told('ann', 2, 11), told('ann', 1, 12)];
    const commands = [command(11, 'ann', 2), command(12, 'ann', 1)];
    expect(verdict(commands, books, 12)).toMatchObject({ misordered: 1, problems: [{ number: 12 }] });
  });

  it('tells of an act that was told no but done, and of one that was never asked for', () => {
    const books = BOOKS.map(
      (one): LedgerEntry => (one.number === 15 ? { ...one, fate: 'no', number: 0 } : one),
    );
    expect(verdict(SEQUENCE, books)).toMatchObject({
      denied: 1,
      lost: 0,
      problems: [{ kind: 'denied', number: 15 }],
    });
    const fewer = BOOKS.filter(({ number }) => number !== 15);
    expect(verdict(SEQUENCE, fewer)).toMatchObject({
      invented: 1,
      problems: [{ kind: 'invented', number: 15 }],
    });
  });

  it('counts, and does not blame, what was done without an answer in time', () => {
    const books = BOOKS.map(
      (one): LedgerEntry => (one.number === 16 ? { ...one, fate: 'unsettled', number: 0 } : one),
    );
    expect(verdict(SEQUENCE, books)).toMatchObject({
      unacknowledged: 1,
      lost: 0,
      acknowledged: 4,
      problems: [],
    });
    expect(verdict(without(16), books, 15)).toMatchObject({ unacknowledged: 0, lost: 0, problems: [] });
  });

  it('believes an act that changed nothing only if its result was true in the sequence', () => {
    const put = { table: 'player', op: 'put', key: 'ann', row: { id: 'ann', x: 1, y: 2, hp: 20 } };
    const patch = { table: 'player', op: 'patch', key: 'ann', row: { x: 5 } };
    const commands = [
      command(11, 'ann', null, { changes: [put] }),
      command(12, 'ann', 1, { changes: [patch] }),
    ];
    const claim = (x: number, y: number) => told('ann', 2, 12, { table: 'player', values: { x, y } });
    const first = told('ann', 1, 12);
    expect(verdict(commands, [first, claim(5, 2)], 12)).toMatchObject({ unchanged: 1, lost: 0 });
    expect(verdict(commands, [first, claim(1, 2)], 12)).toMatchObject({ unchanged: 1, lost: 0 });
    expect(verdict(commands, [first, claim(6, 2)], 12)).toMatchObject({ unchanged: 0, lost: 1 });
  });

  it('keeps counting where it keeps no more words', () => {
    const many = Array.from({ length: 200 }, (_, at) => told('ann', at + 1, at + 11));
    const lost = verdict([command(210, null, null)], many, 210);
    expect(lost.lost).toBe(200);
    expect(lost.problems.length).toBeLessThanOrEqual(50);
  });
});
