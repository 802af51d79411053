import { describe, expect, it } from 'vitest';
import { ProtocolViolation } from '../../server/consensus/assert.ts';
import { OPEN_WINDOWS } from '../../server/consensus/limits.ts';
import { type AgreementMessage, type PaxosInput, stepPaxos } from '../../server/consensus/paxos.ts';
import { clonePaxos, createPaxos, type Paxos, serialisePaxos } from '../../server/consensus/paxos-state.ts';
import type { Command, ConsensusConfig, Durable, Effects, Send, Vote } from '../../server/consensus/types.ts';
import { command, configOf, EMPTY } from './network.ts';

/** A leader of ballot 3 with the promise of device 1. */
function leaderOf(change: Partial<ConsensusConfig> = {}, durable: Durable = EMPTY): Paxos {
  const paxos = createPaxos(configOf(3, 0, change), durable);
  const { sends } = stepPaxos(paxos, { kind: 'lead' });
  for (const { to, message } of sends) if (to === 0) receive(paxos, 0, message as AgreementMessage);
  const { role } = paxos;
  if (role.kind !== 'preparing') throw new Error('does not prepare');
  const info = { upTo: durable.upTo, born: durable.born, issued: [], votes: [], info: 0, page: 0, pages: 1 };
  receive(paxos, 1, { kind: 'ballot-info', ballot: role.ballot, ...info });
  expect(paxos.role.kind).toBe('leading');
  return paxos;
}

function receive(paxos: Paxos, from: number, message: AgreementMessage): Effects {
  return stepPaxos(paxos, { kind: 'message', from, message });
}

function run(count: number, born: number, size = 10, first = 1): Command[] {
  return Array.from({ length: count }, (_, index) => ({
    number: first + index,
    born,
    precedent: first + index === 1 ? 0 : born,
    bytes: new Uint8Array(size),
  }));
}

const kinds = (sends: readonly Send[], to: number) =>
  sends.filter((send) => send.to === to).map(({ message }) => message.kind);

describe('a step of many commands [R7, R10, 13]', () => {
  it('a thousand proposals: one BeginBallot a peer, one write, one cumulative vote', () => {
    const paxos = leaderOf({ window: 4_096 });
    const { sends, write } = stepPaxos(paxos, { kind: 'propose', ballot: 3, commands: run(1_000, 3) });
    expect(kinds(sends, 1)).toEqual(['begin-ballot', 'voted']);
    expect(kinds(sends, 2)).toEqual(['begin-ballot', 'voted']);
    expect(kinds(sends, 0)).toEqual(['voted']);
    expect(write?.votes?.commands.length).toBe(1_000);
    for (const { message, after } of sends) {
      if (message.kind === 'begin-ballot') expect(after).toBe(0);
      else
        expect([after, message]).toEqual([
          write?.write,
          { kind: 'voted', ballot: 3, ranges: [{ first: 1, last: 1_000, born: 3 }] },
        ]);
    }
  });

  it('messages are cut at messageBytes, the write is not', () => {
    const paxos = leaderOf({ window: 4_096, messageBytes: 1_000 });
    const { sends, write } = stepPaxos(paxos, { kind: 'propose', ballot: 3, commands: run(1_000, 3, 300) });
    const begins = sends.filter(({ to, message }) => to === 1 && message.kind === 'begin-ballot');
    expect(begins.length).toBe(334);
    expect(write?.votes?.commands.length).toBe(1_000);
  });

  it('a follower answers a thousand with one write and one range, and issues them in one step', () => {
    const paxos = createPaxos(configOf(3, 1, { window: 4_096 }), EMPTY);
    const commands = run(1_000, 3);
    const { sends, write } = receive(paxos, 0, { kind: 'begin-ballot', ballot: 3, commands });
    expect(write).toMatchObject({ write: 1, ballots: { lastTried: 0, nextBal: 3 } });
    expect(sends.map(({ to, after }) => [to, after])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
    const voted = sends[0]?.message as AgreementMessage;
    receive(paxos, 1, voted);
    const { issued, write: second } = receive(paxos, 0, voted);
    expect(issued).toEqual(commands);
    // The mark waits for company; an idle tick writes it alone.
    expect(second).toBeUndefined();
    expect(stepPaxos(paxos, { kind: 'idle' }).write).toEqual({ write: 2, issued: { upTo: 1_000, born: 3 } });
    expect(stepPaxos(paxos, { kind: 'idle' }).write).toBeUndefined();
  });

  it('the mark rides along with the next vote', () => {
    const paxos = createPaxos(configOf(3, 1), EMPTY);
    const [first, second] = run(2, 3) as [Command, Command];
    receive(paxos, 0, { kind: 'begin-ballot', ballot: 3, commands: [first] });
    for (const from of [0, 1])
      receive(paxos, from, { kind: 'voted', ballot: 3, ranges: [{ first: 1, last: 1, born: 3 }] });
    const { write } = receive(paxos, 0, { kind: 'begin-ballot', ballot: 3, commands: [second] });
    expect(write).toMatchObject({ votes: { ballot: 3, commands: [second] }, issued: { upTo: 1, born: 3 } });
  });

  it('what is learned without a vote is written as it is, with its mark', () => {
    const paxos = createPaxos(configOf(3, 1), EMPTY);
    const commands = run(3, 3);
    receive(paxos, 0, { kind: 'begin-ballot', ballot: 3, commands: commands.slice(0, 1) });
    const { write, issued } = receive(paxos, 2, { kind: 'issued', upTo: 3, commands });
    expect(issued).toEqual(commands);
    expect(write).toEqual({ write: 2, learned: commands.slice(1), issued: { upTo: 3, born: 3 } });
  });

  it('R2: an answer to NextBallot says upTo only together with the mark that makes it durable', () => {
    const paxos = createPaxos(configOf(3, 1), EMPTY);
    receive(paxos, 0, { kind: 'begin-ballot', ballot: 3, commands: run(2, 3) });
    for (const from of [0, 1])
      receive(paxos, from, { kind: 'voted', ballot: 3, ranges: [{ first: 1, last: 2, born: 3 }] });
    const { write, sends } = receive(paxos, 0, { kind: 'next-ballot', ballot: 3, from: 1 });
    expect(write).toEqual({ write: 2, issued: { upTo: 2, born: 3 } });
    expect(sends[0]).toMatchObject({ after: 2, message: { upTo: 2, issued: { length: 2 } } });
  });

  it('I18: an issued command that is not the chain`s deposes, also above a number still missing', () => {
    const paxos = leaderOf();
    stepPaxos(paxos, { kind: 'propose', ballot: 3, commands: run(3, 3) });
    const other = command(2, 7, 7);
    const { deposed, issued } = receive(paxos, 1, { kind: 'issued', upTo: 2, commands: [other] });
    expect([deposed, issued]).toEqual([{ ballot: 3 }, []]);
  });

  it('T29, R4: proposals wait for commands learned on the way to the ballot, and for nothing else', () => {
    const paxos = createPaxos(configOf(3, 0), EMPTY);
    stepPaxos(paxos, { kind: 'lead' });
    const learned = run(3, 2);
    const info = { upTo: 3, born: 2, votes: [], info: 0, page: 0, pages: 1 };
    receive(paxos, 0, { kind: 'ballot-info', ballot: 3, ...info, upTo: 0, born: 0, issued: [] });
    const { write, activated } = receive(paxos, 1, {
      kind: 'ballot-info',
      ballot: 3,
      ...info,
      issued: learned,
    });
    expect([write?.write, activated?.upTo]).toEqual([2, 3]);
    const begin = (effects: Effects) => effects.sends.find(({ message }) => message.kind === 'begin-ballot');
    const commands = [{ ...command(4, 3, 2) }];
    expect(begin(stepPaxos(paxos, { kind: 'propose', ballot: 3, commands }))?.after).toBe(2);
  });
});

describe('bounds', () => {
  it('T60, I7: a function that ran beyond the window is this device`s own fault', () => {
    const paxos = leaderOf({ window: 2 });
    expect(() => stepPaxos(paxos, { kind: 'propose', ballot: 3, commands: run(3, 3) })).toThrow(/I7/);
  });

  it('I6: proposals continue the chain', () => {
    for (const wrong of [run(1, 3, 1, 2), [command(1, 6, 0)], [command(1, 3, 3)]])
      expect(() => stepPaxos(leaderOf(), { kind: 'propose', ballot: 3, commands: wrong })).toThrow(/I6/);
  });

  it('proposals of a leadership that is over are ignored (R7)', () => {
    const paxos = leaderOf();
    const before = serialisePaxos(paxos);
    expect(stepPaxos(paxos, { kind: 'propose', ballot: 6, commands: run(1, 6) }).sends).toEqual([]);
    expect(serialisePaxos(paxos)).toBe(before);
  });

  it('far above what is known issued a device does not vote, nor keep what it learns; it catches up first [0063]', () => {
    const paxos = createPaxos(configOf(3, 1, { window: 2 }), EMPTY);
    const highest = OPEN_WINDOWS * 2;
    const commands = run(highest + 5, 3);
    const { write } = receive(paxos, 0, { kind: 'begin-ballot', ballot: 3, commands });
    expect(write?.votes?.commands.length).toBe(highest);
    const other = createPaxos(configOf(3, 1, { window: 2 }), EMPTY);
    receive(other, 0, { kind: 'issued', upTo: 99, commands: commands.slice(1) });
    expect(other.early.items.length).toBe(highest);
  });

  it('memory of issued commands is tailCommands long; older ones the host serves (R13, C4)', () => {
    const paxos = createPaxos(configOf(3, 1, { tailCommands: 10 }), EMPTY);
    receive(paxos, 0, { kind: 'issued', upTo: 30, commands: run(30, 3) });
    const recent = receive(paxos, 2, { kind: 'catch-up', from: 21, max: 5 });
    expect(recent.sends[0]?.message).toMatchObject({ kind: 'issued', upTo: 30, commands: { length: 5 } });
    expect(receive(paxos, 2, { kind: 'catch-up', from: 20, max: 500 }).serve).toEqual([
      { to: 2, from: 20, max: 11 },
    ]);
    expect(receive(paxos, 2, { kind: 'catch-up', from: 31, max: 500 }).sends).toEqual([]);
  });

  it('a vote for an absurd number costs nothing', () => {
    const paxos = createPaxos(configOf(3, 0), EMPTY);
    const own = stepPaxos(paxos, { kind: 'lead' }).sends.find(({ to }) => to === 0);
    receive(paxos, 0, own?.message as AgreementMessage);
    const votes = [{ ballot: 1, command: command(2 ** 50, 1, 1) }];
    const info = { upTo: 0, born: 0, issued: [], info: 0, page: 0, pages: 1 };
    const { activated } = receive(paxos, 1, { kind: 'ballot-info', ballot: 3, ...info, votes });
    expect(activated?.chain).toEqual([]);
    receive(paxos, 2, { kind: 'voted', ballot: 3, ranges: [{ first: 1, last: 2 ** 50, born: 3 }] });
    receive(paxos, 2, { kind: 'success', ranges: [{ first: 1, last: 2 ** 50, born: 3 }] });
    expect(paxos.upTo).toBe(0);
  });

  it('T58: ten thousand votes in pages of bounded size, one value', () => {
    const votes: Vote[] = run(10_000, 4).map((voted) => ({ ballot: 4, command: voted }));
    const durable = { ...EMPTY, nextBal: 4, votes };
    const paxos = createPaxos(configOf(3, 1, { window: 4_096, messageBytes: 4_096 }), durable);
    const { sends } = receive(paxos, 0, { kind: 'next-ballot', ballot: 6, from: 1 });
    expect(sends.length).toBe(Math.ceil(10_000 / 409));
    const leader = createPaxos(configOf(3, 0, { window: 4_096 }), { ...EMPTY, lastTried: 3, nextBal: 3 });
    const own = stepPaxos(leader, { kind: 'lead' }).sends.find(({ to }) => to === 0);
    receive(leader, 0, own?.message as AgreementMessage);
    const activations: NonNullable<Effects['activated']>[] = [];
    // Pages in any order, each twice.
    for (const { message } of [...sends].reverse().flatMap((page) => [page, page])) {
      const { activated } = receive(leader, 1, message as AgreementMessage);
      if (activated !== undefined) activations.push(activated);
    }
    expect(activations.map(({ ballot, upTo, chain }) => [ballot, upTo, chain.length])).toEqual([
      [6, 0, 10_000],
    ]);
  });
});

describe('what a peer gets wrong is an alarm, never a crash', () => {
  const alarmOf = (message: AgreementMessage, from = 2, paxos = createPaxos(configOf(3, 1), EMPTY)) => {
    const before = serialisePaxos(paxos);
    const effects = receive(paxos, from, message);
    expect(effects.write).toBeUndefined();
    return { alarms: effects.alarms ?? [], changed: serialisePaxos(paxos) !== before };
  };

  it('I13: ballots come from their owners', () => {
    expect(alarmOf({ kind: 'next-ballot', ballot: 3, from: 1 }).alarms[0]).toMatch(/I13/);
    expect(alarmOf({ kind: 'begin-ballot', ballot: 3, commands: run(1, 3) }).alarms[0]).toMatch(/I13/);
  });

  it('R10: no command is older than its ballot', () => {
    expect(alarmOf({ kind: 'begin-ballot', ballot: 5, commands: [command(1, 8, 0)] }).alarms[0]).toMatch(
      /R10/,
    );
    expect(alarmOf({ kind: 'voted', ballot: 5, ranges: [{ first: 1, last: 1, born: 8 }] }).alarms[0]).toMatch(
      /R11/,
    );
  });

  it('I3, I4, I5: issued commands that contradict the log', () => {
    const paxos = createPaxos(configOf(3, 1), EMPTY);
    receive(paxos, 0, { kind: 'issued', upTo: 1, commands: [command(1, 3, 0)] });
    const issued = (issuedCommand: Command) =>
      alarmOf({ kind: 'issued', upTo: 1, commands: [issuedCommand] }, 2, paxos).alarms[0];
    expect(issued(command(1, 4, 0))).toMatch(/I4/);
    expect(issued(command(1, 3, 0, 'other'))).toMatch(/I5/);
    expect(issued(command(2, 4, 4))).toMatch(/I3/);
    expect(issued(command(1, 3, 0))).toBeUndefined();
  });

  it('R4: pages that cannot be right, votes from the future', () => {
    const paxos = createPaxos(configOf(3, 0), EMPTY);
    stepPaxos(paxos, { kind: 'lead' });
    const info = { kind: 'ballot-info', ballot: 3, upTo: 0, born: 0, issued: [], info: 1 } as const;
    expect(alarmOf({ ...info, votes: [], page: 2, pages: 2 }, 1, paxos).alarms[0]).toMatch(/R4/);
    const vote = { ballot: 3, command: command(1, 3, 0) };
    expect(alarmOf({ ...info, votes: [vote], page: 0, pages: 1 }, 1, paxos).alarms[0]).toMatch(/R4/);
  });
});

describe('state as data [16.1]', () => {
  it('a copy steps alone, equal states read equal, counters do not matter', () => {
    const inputs: PaxosInput[] = [
      { kind: 'lead' },
      { kind: 'message', from: 1, message: { kind: 'begin-ballot', ballot: 7, commands: run(3, 7) } },
      {
        kind: 'message',
        from: 1,
        message: { kind: 'voted', ballot: 7, ranges: [{ first: 2, last: 3, born: 7 }] },
      },
      {
        kind: 'message',
        from: 0,
        message: { kind: 'voted', ballot: 7, ranges: [{ first: 1, last: 3, born: 7 }] },
      },
      { kind: 'message', from: 2, message: { kind: 'next-ballot', ballot: 8, from: 1 } },
    ];
    const paxos = createPaxos(configOf(3, 0), EMPTY);
    for (const input of inputs) {
      const copy = clonePaxos(paxos);
      const before = serialisePaxos(paxos);
      expect(serialisePaxos(copy)).toBe(before);
      stepPaxos(copy, input);
      expect(serialisePaxos(paxos)).toBe(before);
      stepPaxos(paxos, input);
      expect(serialisePaxos(paxos)).toBe(serialisePaxos(copy));
      expect(serialisePaxos(paxos)).not.toBe(before);
    }
  });

  it('R14: a restart keeps what is stable, promises what it voted, and owes nothing', () => {
    const votes = [{ ballot: 7, command: command(4, 7, 3) }];
    const durable = { lastTried: 3, nextBal: 3, upTo: 3, born: 3, votes, tail: run(3, 3) };
    const paxos = createPaxos(configOf(3, 0), durable);
    expect(paxos).toMatchObject({
      lastTried: 3,
      nextBal: 7,
      seen: 7,
      upTo: 3,
      born: 3,
      role: { kind: 'follower' },
    });
    expect(stepPaxos(paxos, { kind: 'idle' })).toEqual({ sends: [], issued: [] });
  });

  it('a store that cannot be right is refused', () => {
    const start = (change: Partial<Durable>) => () => createPaxos(configOf(3, 0), { ...EMPTY, ...change });
    for (const wrong of [
      start({ upTo: 2, votes: [{ ballot: 3, command: command(2, 3, 0) }] }),
      start({ votes: [{ ballot: 3, command: command(2, 6, 0) }] }),
      start({ votes: [1, 2].map((born) => ({ ballot: 3, command: command(2, born, 0) })) }),
      start({ upTo: 2, born: 3, tail: [command(1, 3, 0), command(2, 3, 2)] }),
      start({ upTo: 2, born: 3, tail: [command(2, 2, 0)] }),
      start({ upTo: 2, born: 3, tail: [command(1, 3, 0)] }),
    ])
      expect(wrong).toThrow(ProtocolViolation);
  });
});
