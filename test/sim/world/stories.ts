import { SESSION_IDLE_MS, SESSION_SWEEP_MS } from '../../../server/limits.ts';
import type { Parcel } from '../check/checker.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { deafRegion, livesOfOnePage, Shopper } from './client-stories.ts';
import { type Fate, fateOf } from './ledger-of-deeds.ts';
import { Script } from './script.ts';

// Interleavings that random runs meet once in a hundred thousand, played by hand.

export type Story = (production: Production) => void;

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Violation('story', what);
}

const IN = { action: 'inbound', args: { to: 'A', amount: 1 } } as const;
const OUT = { action: 'outbound', args: { from: 'A', amount: 1 } } as const;

/**
 * The leader of one ballot says no; before that reaches the asking region, the region has asked the leader of the next one, which
 * runs the action. The late no must not be believed.
 */
export function lateNo(production: Production): void {
  const script = new Script(production, 3);
  script.lead(0);
  script.deliver();
  const taking = script.post(2, 'taker', OUT);
  script.deliver(({ message }) => message.kind !== 'reply');
  expect(
    script.pool.some(({ message }) => message.kind === 'reply'),
    'a no is under way',
  );

  script.lead(1);
  script.deliver(({ message }) => message.kind !== 'reply' && message.kind !== 'execute');
  const giving = script.post(1, 'giver', IN);
  script.deliver(({ message }) => message.kind !== 'reply' && message.kind !== 'execute');
  expect(giving.fate?.kind === 'issued', 'the goods have come in');
  // The new leader runs it, but its region does not see that yet.
  script.deliver(({ message, to }) => message.kind !== 'reply' && to !== 2);
  script.deliver(({ message }) => message.kind === 'reply');
  script.deliver();
  script.check();
  expect(taking.fate?.kind === 'issued', `the action was run, its player was told ${taking.fate?.kind}`);
}

/**
 * A leader proposes an action to a minority. The next one, which hears nothing of that, says no to the same action, and issues
 * nothing. A third finds the minority's votes and issues the action. So a no must wait for a command of its own leadership.
 */
export function noBeforeOwnCommand(production: Production): void {
  const script = new Script(production, 5);
  script.lead(0);
  script.deliver();
  const taking = script.post(2, 'taker', OUT);
  script.post(0, 'giver', IN);
  script.deliver(({ message, to }) => message.kind === 'execute' && to === 0);
  // Proposed, and voted for by 0 and 1 of five.
  script.deliver(({ message, to }) => message.kind === 'begin-ballot' && to === 1);
  script.drop(() => true);

  const second = [2, 3, 4];
  script.lead(2);
  const among = ({ from, to }: { from: number; to: number }) => second.includes(from) && second.includes(to);
  script.deliver((parcel) => among(parcel) && parcel.message.kind !== 'begin-ballot');
  script.drop(() => true);

  const third = [0, 1, 3];
  script.lead(0);
  script.deliver(({ from, to }) => third.includes(from) && third.includes(to));
  script.deliver();
  script.check();
  expect(taking.fate !== null, 'everybody is answered');
}

/**
 * A copy of an action is late. Its region is told no by a later leader; then the first leads again, under another ballot, and
 * the copy arrives. It was meant for a leadership that is over, so it must not be run.
 */
export function lateCopy(production: Production): void {
  const script = new Script(production, 3);
  const onTime = ({ message }: Parcel) => message.kind !== 'execute' || message.ballot !== 3;
  script.lead(0);
  script.deliver();
  const taking = script.post(2, 'taker', OUT);
  script.lead(1);
  script.deliver(onTime);
  expect(taking.fate?.kind === 'refused', 'the second leader says no');

  script.lead(0);
  script.deliver(onTime);
  const giving = script.post(0, 'giver', IN);
  script.deliver(onTime);
  expect(giving.fate?.kind === 'issued', 'the goods have come in');
  expect(script.pool.length === 1, 'the copy is still under way');
  script.deliver();
  script.check();
}

/**
 * A client's act is held up on its way from its region to the leader. The client goes to another region, which asks the leader and is
 * told no. Then the goods come in, and so does the copy. Whatever the client was told, it was not a definite no.
 */
export function noBesideACopy(production: Production): void {
  const script = new Script(production, 3);
  script.lead(0);
  script.deliver();
  const taking = script.begin('taker', OUT);
  const heldUp = ({ from, message }: Parcel) => from === 2 && message.kind === 'execute';
  // The client meets region 2 first, then region 1.
  const client = new Shopper(production, 2, null, ({ address }, answered) =>
    script.copy([2, 1][address]!, taking, answered),
  );
  client.ask();
  client.lose();
  script.deliver((parcel) => !heldUp(parcel));
  const { settlement } = client;
  if (settlement !== null)
    script.end(
      taking,
      settlement.kind === 'issued' ? { ...settlement } : { kind: settlement.kind, code: settlement.code },
    );

  const giving = script.post(0, 'giver', IN);
  script.deliver((parcel) => !heldUp(parcel));
  expect(giving.fate?.kind === 'issued', 'the goods have come in');
  expect(script.pool.some(heldUp), 'the copy is still under way');
  script.deliver();
  script.check();
}

/**
 * An action comes early: its leader still prepares the ballot it is meant for. It waits, through a preparation that fails it is told
 * so, and it is run once. A read, and a list of sessions, that come to somebody who does not lead are nobody's business.
 */
export function earlyAction(production: Production): void {
  const script = new Script(production, 3);
  const early = (ballot: number, request: number): void => {
    const args = production.warehouse.schema.actions.inbound.encode(IN.args);
    const action = { region: 1, request, session: 'early', sequence: 1, action: 'inbound', args };
    script.hand(1, 0, { kind: 'execute', ballot, actions: [action] });
  };
  const giving = script.begin('early', IN);
  giving.copies = 1;
  script.lead(0);
  early(3, 1);
  script.hand(2, 0, { kind: 'read', request: 1 });
  script.hand(2, 0, { kind: 'presence', sessions: ['early'], left: [] });
  const told = ({ message }: Parcel) => message.kind === 'reply';
  expect(!script.pool.some(told), 'the action waits for its ballot');

  script.lead(0);
  early(3, 1);
  expect(script.pool.some(told), 'it is told that the ballot it was meant for is over');
  script.drop(told);
  early(6, 2);
  early(6, 2);
  script.deliver();
  const { truth } = script.cluster.checker;
  expect(truth.upTo === 1, `it is run once; issued is ${truth.upTo}`);
  script.check();
}

/**
 * Seventy people come over HTTP, act once and leave; long after, their sessions end, some in each turn. One comes back in time,
 * between the look at its session and its end. Nobody who is in is ended.
 */
export function crowd(production: Production): void {
  const script = new Script(production, 1, true);
  script.lead(0);
  // The spring is down again before the next one comes: the gate is open for everybody.
  const comes = (name: string): void => {
    const { fate } = script.post(0, name, IN);
    expect(fate?.kind === 'issued', `${name} comes in`);
    for (let ticks = 0; ticks < 4; ticks++) script.tick(0, 60);
  };
  const rest = (): void => {
    for (let ticks = 0; ticks < 200; ticks++) script.tick(0, 60);
  };
  const names = Array.from({ length: 70 }, (_, index) => `visitor-${index}`);
  for (const name of names) comes(name);
  rest();
  const states = () => names.map((name) => script.cluster.device(0).machine!.isIn(name));
  expect(
    states().every((state) => state === false),
    'everybody has left',
  );
  // After the turn in which the old sessions are looked for, one of them connects.
  script.turn(0, 2 * SESSION_IDLE_MS);
  script.hand(0, 0, { kind: 'presence', sessions: ['visitor-0'], left: [] });
  script.tick(0, SESSION_SWEEP_MS + 1000);
  script.tick(0, 60);
  expect(
    states().every((state, index) => state === (index === 0 ? true : undefined)),
    'every session has ended, but of one who is in again',
  );
  script.check();
}

/** A thousand and more are told no at once, while one who asked later must still wait. */
export function manyRefusals(production: Production): void {
  const script = new Script(production, 3);
  script.lead(0);
  script.deliver();
  script.post(0, 'giver', IN);
  script.deliver();
  const TOO_MUCH = { action: 'outbound', args: { from: 'A', amount: 1000 } } as const;
  const refused = Array.from({ length: 1100 }, (_, index) => script.post(0, `taker-${index}`, TOO_MUCH));
  const giving = script.post(0, 'another giver', IN);
  const late = script.post(0, 'late', TOO_MUCH);
  const votes = ({ message }: Parcel) => message.kind === 'begin-ballot' || message.kind === 'voted';
  for (let round = 0; round < 3; round++) {
    script.tick(0);
    script.deliver((parcel) => !votes(parcel));
  }
  expect(
    refused.every(({ fate }) => fate?.kind === 'refused'),
    'those before are answered',
  );
  expect(giving.fate === null && late.fate === null, 'those after wait for the command');
  script.deliver();
  for (let round = 0; round < 3; round++) {
    script.tick(0);
    script.deliver();
  }
  expect(
    giving.fate?.kind === 'issued' && (late.fate as Fate | null)?.kind === 'refused',
    'and are answered',
  );
  script.check();
}

/**
 * A leader that keeps but one answer. A deed comes through five regions while its command is open: each of them is answered, by the
 * leader or by the command that it sees. What nobody can mean is refused, again and again.
 */
export function oneAnswerKept(production: Production): void {
  const script = new Script(production, 5, false, { closedAnswers: 1 });
  script.lead(0);
  script.deliver();
  const giving = script.begin('giver', IN);
  let told = 0;
  for (const { index } of script.cluster.devices) {
    script.copy(index, giving, (answer) => {
      told++;
      script.end(giving, fateOf(answer));
    });
    script.deliver(({ message }) => message.kind === 'execute');
  }
  expect(told === 0, 'the command is open');
  // Reads find no place, and are asked again.
  for (const { index } of script.cluster.devices) script.read(index, index);
  script.deliver(({ message }) => message.kind === 'read');
  script.deliver();
  expect(told === 5 && script.cluster.checker.truth.upTo === 1, `${told} of 5 are told`);
  for (const name of ['one', 'two', 'three']) {
    const { fate } = script.post(0, name, { action: 'inbound', args: { to: 'A', amount: 0 } });
    expect(fate?.kind === 'refused' && fate.code === 'bad-arguments', `${name} is refused`);
  }
  script.check();
}

export const STORIES: Readonly<Record<string, Story>> = {
  'an early action': earlyAction,
  'one answer kept': oneAnswerKept,
  'a crowd': crowd,
  'many refusals': manyRefusals,
  'a late no': lateNo,
  'a late copy': lateCopy,
  'a no beside a copy': noBesideACopy,
  'lives of one page': livesOfOnePage,
  'a deaf region': deafRegion,
  'a no before a command of its own leadership': noBeforeOwnCommand,
};
