import { describe, expect, it } from 'vitest';
import type { Command, ConsensusConfig, Message } from '../../../server/consensus/types.ts';
import type { PeerMessage } from '../../../server/links/types.ts';
import { Clients } from '../cluster/clients.ts';
import { Ledger } from '../cluster/ledger.ts';
import { Store } from '../cluster/store.ts';
import { Violation } from '../violation.ts';
import { ActivationCheck } from './activation.ts';
import { AnswerCheck, checkAnswer } from './answers.ts';
import { checkBacking } from './backing.ts';
import { ConfirmationCheck } from './confirmation.ts';
import { checkHeld, checkHistory, initHist, majoritySets } from './history.ts';
import { Truth } from './truth.ts';
import { checkWellFormed } from './well-formed.ts';

// A checker that cannot fail proves nothing: here each sees what it must not let pass. Three devices of equal weight, ballots
// 3 4 5 (round 1), 6 7 8 (round 2).
const WEIGHTS = [1, 1, 1];
const config: ConsensusConfig = {
  devices: 3,
  self: 0,
  weights: WEIGHTS,
  window: 2,
  voting: 'leader',
  tailCommands: 10,
  messageBytes: 64,
  seed: 1,
  timing: { heartbeat: 10, election: 40, lease: 40, retransmit: 20 },
  ranks: [0, 1, 2],
};

function command(born: number, number: number, precedent = number === 1 ? 0 : born, bytes = 8): Command {
  return { number, born, precedent, bytes: new Uint8Array(bytes).fill(born) };
}

function ruleOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Violation) return error.rule;
    throw error;
  }
  return 'nothing';
}

/** A truth in which `commands` are issued by devices 0 and 1, each in the ballot given. */
function truthOf(...votes: readonly (readonly [ballot: number, command: Command])[]): Truth {
  const truth = new Truth(WEIGHTS);
  for (const [ballot, voted] of votes) for (const device of [0, 1]) truth.voted(device, ballot, voted);
  return truth;
}

describe('Truth', () => {
  it('issues a number when a majority voted in one ballot and its precedent is issued, in any order', () => {
    const truth = new Truth(WEIGHTS);
    for (const device of [1, 2]) truth.voted(device, 3, command(3, 2));
    expect(truth.upTo).toBe(0);
    truth.voted(0, 3, command(3, 1));
    truth.voted(0, 3, command(3, 1));
    expect(truth.upTo).toBe(0);
    truth.voted(1, 4, command(3, 1));
    expect(truth.upTo, 'votes of two ballots do not add up').toBe(0);
    truth.voted(2, 4, command(3, 1));
    expect(truth.upTo).toBe(2);
    expect(truth.fact(1)).toMatchObject({ through: 4, established: 4 });
  });

  it('half of the weight is not a majority', () => {
    const truth = new Truth([1, 1, 1, 1]);
    for (const device of [0, 1]) truth.voted(device, 4, command(4, 1));
    expect(truth.upTo).toBe(0);
  });

  it('G1: two commands issued for one number', () => {
    const truth = truthOf([5, command(5, 1)]);
    truth.voted(1, 3, command(3, 1));
    expect(ruleOf(() => truth.voted(2, 3, command(3, 1)))).toBe('G1');
  });

  it('G7: one ballot, two commands', () => {
    const truth = new Truth(WEIGHTS);
    truth.proposed(4, command(4, 1));
    expect(ruleOf(() => truth.proposed(4, command(3, 1)))).toBe('G7');
  });

  it('I5: one identity, two contents', () => {
    const truth = new Truth(WEIGHTS);
    truth.proposed(4, command(3, 1));
    expect(ruleOf(() => truth.proposed(5, command(3, 1, 0, 16)))).toBe('I5');
  });

  it('B3: a later ballot has another command, whether it is seen before or after', () => {
    const after = truthOf([3, command(3, 1)]);
    expect(ruleOf(() => after.proposed(4, command(4, 1, 0)))).toBe('B3');
    const before = new Truth(WEIGHTS);
    before.proposed(4, command(4, 1, 0));
    before.voted(0, 3, command(3, 1));
    expect(ruleOf(() => before.voted(1, 3, command(3, 1)))).toBe('B3');
  });
});

describe('History', () => {
  const vote = (ballot: number, voted: Command) => ({ ballot, command: voted });

  it('initHist filters by precedent, then takes the latest (T24)', () => {
    const votes = [vote(3, command(3, 8, 3)), vote(7, command(7, 8, 4)), vote(5, command(5, 8, 3))];
    const chain = initHist(8, 3, (number) => (number === 8 ? votes : []));
    expect(chain).toEqual([votes[2]!.command]);
  });

  it('knows the majority sets of weighted devices', () => {
    expect(majoritySets([2, 1, 1])).toEqual([
      [0, 1],
      [0, 2],
      [0, 1, 2],
    ]);
    expect(majoritySets([1, 1, 1, 1])).toHaveLength(5);
  });

  it('G3 and G5: an issued number that a majority set would not find', () => {
    const stores = [new Store(), new Store(), new Store()];
    const truth = truthOf([3, command(3, 1)]);
    for (const device of [0, 1])
      stores[device]!.apply({ write: 1, votes: { ballot: 3, commands: [command(3, 1)] } });
    const sets = majoritySets(WEIGHTS);
    expect(ruleOf(() => checkHistory(truth, stores, sets))).toBe('nothing');
    expect(ruleOf(() => checkHeld(truth, stores))).toBe('nothing');
    stores[1] = new Store();
    expect(ruleOf(() => checkHistory(truth, stores, sets))).toBe('G3');
    expect(ruleOf(() => checkHeld(truth, stores))).toBe('G5');
  });
});

describe('Store', () => {
  it('refuses what no disk may be asked to hold', () => {
    const store = new Store();
    store.apply({ write: 1, ballots: { lastTried: 3, nextBal: 4 } });
    expect(ruleOf(() => store.apply({ write: 2, ballots: { lastTried: 0, nextBal: 4 } }))).toBe('I1');
    expect(ruleOf(() => store.apply({ write: 2, votes: { ballot: 3, commands: [command(3, 1)] } }))).toBe(
      'I2',
    );
    expect(ruleOf(() => store.apply({ write: 2, issued: { upTo: 1, born: 3 } }))).toBe('I11');
    store.apply({ write: 2, votes: { ballot: 4, commands: [command(3, 1), command(4, 2, 4)] } });
    expect(ruleOf(() => store.apply({ write: 3, votes: { ballot: 4, commands: [command(4, 1)] } }))).toBe(
      'I2',
    );
    expect(ruleOf(() => store.apply({ write: 3, issued: { upTo: 2, born: 4 } }))).toBe('I11');
    store.apply({ write: 3, issued: { upTo: 1, born: 3 } });
    expect(ruleOf(() => store.apply({ write: 4, issued: { upTo: 2, born: 4 } }))).toBe('I3');
    expect(store.durable(5)).toMatchObject({ lastTried: 3, nextBal: 4, upTo: 1, born: 3 });
  });
});

describe('What leaves a device', () => {
  const truth = truthOf([3, command(3, 1)]);
  const store = new Store();
  store.apply({ write: 1, ballots: { lastTried: 3, nextBal: 4 } });
  const leaving = (message: Message, to = 1, device = 0) =>
    ruleOf(() => checkBacking(config, truth, { device, store, handedOut: 0 }, to, message));

  it('I13: speaks in the name of its own ballots only', () => {
    expect(leaving({ kind: 'next-ballot', ballot: 4, from: 1 })).toBe('I13');
    expect(leaving({ kind: 'begin-ballot', ballot: 4, commands: [command(4, 1)] })).toBe('I13');
  });

  it('G6: has what it says on its disk', () => {
    expect(leaving({ kind: 'next-ballot', ballot: 3, from: 1 })).toBe('nothing');
    expect(leaving({ kind: 'next-ballot', ballot: 6, from: 1 })).toBe('G6');
    const info = { upTo: 0, born: 0, issued: [], votes: [], info: 0, page: 0, pages: 1 };
    expect(leaving({ kind: 'ballot-info', ballot: 4, ...info })).toBe('nothing');
    expect(leaving({ kind: 'ballot-info', ballot: 5, ...info }, 2)).toBe('G6');
    expect(leaving({ kind: 'ballot-info', ballot: 4, ...info, upTo: 1, born: 3 })).toBe('R2');
    expect(leaving({ kind: 'voted', ballot: 3, ranges: [{ first: 1, last: 1, born: 3 }] })).toBe('nothing');
    expect(leaving({ kind: 'voted', ballot: 3, ranges: [{ first: 1, last: 2, born: 3 }] })).toBe('G6');
    expect(leaving({ kind: 'voted', ballot: 3, ranges: [{ first: 1, last: 1, born: 3 }] }, 0, 2)).toBe('G6');
  });

  it('G2 and G1: calls issued only what is', () => {
    expect(leaving({ kind: 'success', ranges: [{ first: 1, last: 1, born: 3 }] })).toBe('nothing');
    expect(leaving({ kind: 'success', ranges: [{ first: 1, last: 2, born: 3 }] })).toBe('G2');
    expect(leaving({ kind: 'issued', upTo: 1, commands: [command(5, 1)] })).toBe('G1');
    expect(leaving({ kind: 'heartbeat', ballot: 3, upTo: 2, born: 3, sequence: 1, rest: false })).toBe('G2');
  });

  it('I7: keeps to the window', () => {
    expect(leaving({ kind: 'begin-ballot', ballot: 3, commands: [command(3, 3)] })).toBe('I7');
  });

  it('form: is well-formed and within its bounds', () => {
    const formed = (message: Message) => ruleOf(() => checkWellFormed(config, message));
    const range = { first: 2, last: 1, born: 3 };
    expect(formed({ kind: 'begin-ballot', ballot: 3, commands: [] })).toBe('form');
    expect(formed({ kind: 'begin-ballot', ballot: 3, commands: [command(4, 1)] })).toBe('form');
    expect(formed({ kind: 'begin-ballot', ballot: 3, commands: [command(3, 1, 3)] })).toBe('form');
    expect(formed({ kind: 'voted', ballot: 3, ranges: [range] })).toBe('form');
    expect(formed({ kind: 'issued', upTo: 2, commands: [command(3, 1), command(3, 3)] })).toBe('form');
    const large = [command(3, 1, 0, 40), command(3, 2, 3, 40)];
    expect(formed({ kind: 'begin-ballot', ballot: 3, commands: large })).toBe('form');
    expect(formed({ kind: 'begin-ballot', ballot: 3, commands: large.slice(0, 1) })).toBe('nothing');
    expect(formed({ kind: 'next-ballot', ballot: Number.NaN, from: 1 })).toBe('form');
  });
});

describe('Activation', () => {
  const info = (upTo: number, votes: readonly Command[]) =>
    ({
      kind: 'ballot-info',
      ballot: 5,
      upTo,
      born: upTo === 0 ? 0 : 3,
      issued: [],
      votes: votes.map((voted) => ({ ballot: voted.born, command: voted })),
      info: 0,
      page: 0,
      pages: 1,
    }) as const;
  const first = command(3, 1);

  function activate(upTo: number, chain: readonly Command[]) {
    const check = new ActivationCheck(config, truthOf([3, first]));
    check.delivered(1, 1, info(0, [first]));
    check.delivered(2, 1, info(0, []));
    return { check, rule: ruleOf(() => check.activated(2, 1, { ballot: 5, upTo, chain })) };
  }

  it('I8: the chain is what some majority set of the answers gives', () => {
    expect(activate(0, [first]).rule).toBe('nothing');
    expect(activate(0, []).rule).toBe('I8');
    expect(activate(0, [first, command(4, 2, 3)]).rule).toBe('I8');
  });

  it('I13, G12: the owner leads a ballot, in one life', () => {
    const { check } = activate(0, [first]);
    expect(ruleOf(() => check.activated(2, 2, { ballot: 5, upTo: 0, chain: [first] }))).toBe('G12');
    expect(ruleOf(() => check.activated(1, 1, { ballot: 5, upTo: 0, chain: [first] }))).toBe('I13');
  });
});

describe('Confirmation', () => {
  it('8.5: a leader that lacks what was issued before it asked is not confirmed', () => {
    const check = new ConfirmationCheck(truthOf([3, command(3, 1)]));
    check.ask(0, 1);
    expect(ruleOf(() => check.confirmed(0, 1, () => 3))).toBe('nothing');
    check.ask(0, 2);
    expect(ruleOf(() => check.confirmed(0, 2, () => undefined))).toBe('8.5');
  });
});

describe('Clients', () => {
  /** Issues these wishes one after the other through ballot 3. */
  function issue(...wishes: readonly (readonly [client: number, sequence: number, amount: number])[]): Truth {
    const ledger = new Ledger();
    return truthOf(
      ...wishes.map(([client, sequence, amount]) => {
        const made = ledger.run({ client, sequence, account: 0 }, amount, 3);
        ledger.apply(made);
        return [3, made] as const;
      }),
    );
  }

  it('exactly once, in order', () => {
    const rule = (truth: Truth) => ruleOf(() => new Clients(2).check(truth));
    expect(rule(issue([0, 1, 5], [1, 1, 5], [0, 2, 5]))).toBe('nothing');
    expect(rule(issue([0, 1, 5], [0, 1, 5]))).toBe('exactly-once');
    expect(rule(issue([0, 2, 5]))).toBe('exactly-once');
  });

  it('G8: each command was computed on the state before it', () => {
    expect(ruleOf(() => new Clients(1).check(issue([0, 1, 50])))).toBe('G8');
  });

  it('G9 and linearizability: answers are what was issued, in real time', () => {
    const truth = issue([1, 1, 5], [0, 1, 5]);
    const clients = new Clients(2);
    clients.begin(0, 0, 0);
    clients.answered(0, { sequence: 1, number: 2, balance: 10 }, 1);
    clients.begin(1, 0, 2);
    clients.answered(1, { sequence: 1, number: 1, balance: 5 }, 3);
    expect(ruleOf(() => clients.check(truth))).toBe('linearizable');
    const told = new Clients(1);
    told.begin(0, 0, 0);
    told.answered(0, { sequence: 1, number: 2, balance: 11 }, 1);
    expect(ruleOf(() => told.check(truth))).toBe('G9');
  });
});

describe('Answers to NextBallot', () => {
  const info = (votes: readonly (readonly [ballot: number, command: Command])[], rest: object = {}) =>
    ({
      kind: 'ballot-info',
      ballot: 6,
      upTo: 0,
      born: 0,
      issued: [],
      votes: votes.map(([ballot, voted]) => ({ ballot, command: voted })),
      info: 0,
      page: 0,
      pages: 1,
      ...rest,
    }) as Extract<Message, { kind: 'ballot-info' }>;
  const first = command(3, 1);
  const second = command(4, 1);
  const later = command(4, 2);
  const held = () => {
    const store = new Store();
    store.apply({ write: 1, votes: { ballot: 3, commands: [first] } });
    store.apply({ write: 2, votes: { ballot: 4, commands: [second, later] } });
    return store;
  };
  const all = [
    [3, first],
    [4, second],
    [4, later],
  ] as const;

  it('R2: every durable vote is in it, the earlier ones too (2.1)', () => {
    expect(ruleOf(() => checkAnswer(held(), [info(all)]))).toBe('nothing');
    expect(ruleOf(() => checkAnswer(held(), [info(all.slice(1))]))).toBe('R2');
    expect(ruleOf(() => checkAnswer(held(), [info(all.slice(0, 2))]))).toBe('R2');
  });

  it('R2: a vote is told with the ballot it has on disk', () => {
    const raised = held();
    raised.apply({ write: 3, votes: { ballot: 5, commands: [first] } });
    expect(ruleOf(() => checkAnswer(raised, [info(all)]))).toBe('R2');
    const answered = held();
    answered.apply({ write: 3, votes: { ballot: 6, commands: [first] } });
    expect(ruleOf(() => checkAnswer(answered, [info(all)]))).toBe('nothing');
  });

  it('R2: no vote that is not on disk yet', () => {
    expect(ruleOf(() => checkAnswer(held(), [info([...all, [4, command(4, 3)]])]))).toBe('R2');
    expect(ruleOf(() => checkAnswer(held(), [info([[5, first], ...all.slice(1)])]))).toBe('R2');
  });

  it('R2: what an answer says is issued needs no votes', () => {
    expect(ruleOf(() => checkAnswer(held(), [info([[4, later]], { upTo: 1, born: 4 })]))).toBe('nothing');
  });

  it('R2: all pages of one answer, of one value', () => {
    const check = new AnswerCheck();
    const page = (index: number, votes: typeof all | readonly [], name = 7) =>
      check.sent(0, held(), info(votes, { info: name, page: index, pages: 2 }));
    page(0, all);
    expect(ruleOf(() => page(1, []))).toBe('nothing');
    page(0, []);
    expect(ruleOf(() => page(1, []))).toBe('R2');
    page(0, all);
    expect(ruleOf(() => page(1, [], 8))).toBe('R2');
    page(0, []);
    check.started(0);
    expect(
      ruleOf(() => page(1, all)),
      'a page of a life that is over',
    ).toBe('nothing');
  });
});

describe('Bounds of messages', () => {
  const of = (message: PeerMessage) => ruleOf(() => checkWellFormed(config, message));

  it('form: no more commands, numbers or actions than limits allow', () => {
    const commands = (count: number) =>
      Array.from({ length: count }, (_, at) => command(3, at + 1, at === 0 ? 0 : 3));
    expect(of({ kind: 'begin-ballot', ballot: 3, commands: commands(2) })).toBe('nothing');
    expect(of({ kind: 'begin-ballot', ballot: 3, commands: commands(3) }), 'window 2').toBe('form');
    const voted = (last: number) => of({ kind: 'voted', ballot: 3, ranges: [{ first: 1, last, born: 3 }] });
    expect(voted(16)).toBe('nothing');
    expect(voted(17), 'eight windows').toBe('form');
    expect(of({ kind: 'catch-up', from: 1, max: 2048 })).toBe('nothing');
    expect(of({ kind: 'catch-up', from: 1, max: 2049 })).toBe('form');
    const action = (bytes: number) => ({
      region: 0,
      request: 1,
      session: 's',
      sequence: 1,
      action: 'a',
      args: new Uint8Array(bytes),
    });
    const execute = (bytes: readonly number[]) =>
      of({ kind: 'execute', ballot: 3, actions: bytes.map(action) });
    expect(execute([300_000])).toBe('nothing');
    expect(execute([300_000, 1])).toBe('form');
    expect(execute(new Array<number>(1025).fill(0))).toBe('form');
  });
});
