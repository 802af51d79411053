import type { Envelope } from '../../../schemas/support/command-types.ts';
import { decodeEnvelope } from '../../../schemas/support/envelope.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import type { Deeds, Lived, Read } from '../world/ledger-of-deeds.ts';
import { type Amounts, amountsOf, balance, EMPTY, keyOf, perform, rowsOf } from '../world/warehouse-model.ts';
import { makeYard } from '../world/yard.ts';
import { checkLinearizable, type Model, type Operation } from './linearizability.ts';
import type { Truth } from './truth.ts';
import { keyOfRows, type YardModel } from './yard-check.ts';

/** Histories of at most this many operations are also given to the general search. */
const SEARCHED = 120;

/** What a run's whole sequence looks like to somebody who replays it with a model written from the contract. */
interface Replay {
  /** amounts[n]: after command n. */
  readonly amounts: readonly Amounts[];
  /** `session sequence` -> number. */
  readonly executed: ReadonlyMap<string, number>;
  readonly envelopes: readonly Envelope[];
}

/**
 * The clients' promises over a whole run (section 13, G8 and G9, and CONTRACT): exactly once, each session's order, answers as
 * the sequence says, a no only where some issued state says no and never an effect afterwards, goods conserved, linearizable.
 * `yard`: fresh, where the world is the yard.
 */
export function checkWorld(
  production: Production,
  truth: Truth,
  deeds: Deeds,
  yard: YardModel | null = null,
): { readonly searched: boolean } {
  const replay = replayAll(production, truth, deeds, yard);
  for (const lived of deeds.deeds) checkFate(lived, replay, yard);
  checkRealTime(deeds);
  return { searched: checkBySearch(deeds) };
}

function replayAll(production: Production, truth: Truth, deeds: Deeds, yard: YardModel | null): Replay {
  const state = new production.WorldState(yard === null ? production.warehouse : makeYard(production));
  const asked = new Map(deeds.deeds.map((lived) => [`${lived.session} ${lived.sequence}`, lived]));
  const amounts: Amounts[] = [EMPTY];
  const executed = new Map<string, number>();
  const envelopes: Envelope[] = [];
  const last = new Map<string, number>();
  let goods = 0;
  for (let number = 1; number <= truth.upTo; number++) {
    const { bytes } = truth.fact(number)!.command;
    state.apply(bytes, false);
    const envelope = decodeEnvelope(bytes);
    envelopes.push(envelope);
    const before = amounts[number - 1]!;
    let after = before;
    let acted: Lived | undefined;
    if (envelope.sequence > 0) {
      const key = `${envelope.session} ${envelope.sequence}`;
      const lived = asked.get(key);
      if (lived === undefined)
        throw new Violation('exactly-once', `${key}, executed as ${number}, was never asked`);
      if (executed.has(key))
        throw new Violation('exactly-once', `${key} is executed as ${executed.get(key)} and as ${number}`);
      const latest = last.get(envelope.session) ?? 0;
      if (envelope.sequence <= latest)
        throw new Violation('session-order', `${key} is executed after ${latest}, as ${number}`);
      executed.set(key, number);
      last.set(envelope.session, envelope.sequence);
      after = effectOf(lived, after, envelope);
      goods += balance(lived.deed);
      acted = lived;
    }
    amounts.push(after);
    yard?.take(envelope, acted, before);
    requireTables(state, after, goods, yard);
  }
  return { amounts, executed, envelopes };
}

/** G8: the command is what its function makes of the state before it. */
function effectOf({ deed }: Lived, before: Amounts, { number, action, result }: Envelope): Amounts {
  const effect = perform(before, deed);
  if (action !== deed.action || effect.kind !== 'done' || result !== effect.result)
    throw new Violation(
      'G8',
      `number ${number} is ${action} with ${result}, expected ${JSON.stringify({ deed, effect })}`,
    );
  return effect.after;
}

function requireTables(
  state: InstanceType<Production['WorldState']>,
  expected: Amounts,
  goods: number,
  yard: YardModel | null,
): void {
  const json = state.toJSON();
  const held = amountsOf(json);
  const rows = keyOfRows(rowsOf(json));
  if (rows !== (yard?.key ?? ''))
    throw new Violation('yard', `at ${state.number} the yard is ${rows}, expected ${yard?.key}`);
  if (keyOf(held) !== keyOf(expected))
    throw new Violation(
      'G8',
      `at ${state.number} the tables are ${keyOf(held)}, expected ${keyOf(expected)}`,
    );
  const total = Object.values(held).reduce((sum, amount) => sum + amount, 0);
  if (total !== goods)
    throw new Violation('goods', `at ${state.number} there are ${total} goods, ${goods} came in`);
}

function checkFate(lived: Lived, { amounts, executed, envelopes }: Replay, yard: YardModel | null): void {
  const { fate, session, sequence, deed } = lived;
  const key = `${session} ${sequence}`;
  const number = executed.get(key);
  if (fate === null || fate.kind === 'unknown') return;
  if (fate.kind === 'issued') {
    if (number !== undefined) {
      if (fate.number !== number || fate.result !== envelopes[number - 1]!.result)
        throw new Violation('G9', `${key} was told ${JSON.stringify(fate)}, it is number ${number}`);
      return;
    }
    // It changed nothing, so it has no command; its answer must be true at the number it names.
    const effect = perform(amounts[fate.number] ?? EMPTY, deed);
    const idle = effect.kind === 'done' && keyOf(effect.after) === keyOf(amounts[fate.number] ?? EMPTY);
    if (!idle || effect.result !== fate.result)
      throw new Violation('G9', `${key} was told ${JSON.stringify(fate)}, which nothing issued says`);
    return;
  }
  // A repeat is a new attempt: a no to one copy says nothing of the others. The SDK knows that, a bare caller does not.
  if (number !== undefined && (lived.copies <= 1 || !session.startsWith('caller-')))
    throw new Violation('definite-no', `${key} was told ${fate.kind} ${fate.code}, and is number ${number}`);
  if (fate.kind === 'refused' && number === undefined) requireReason(lived, fate.code, amounts, yard);
}

/** A refusal is justified by a state that was issued, not before the call and not after the answer. */
function requireReason(
  { deed, session, sequence, issuedBefore, issuedAfter }: Lived,
  code: string,
  amounts: readonly Amounts[],
  yard: YardModel | null,
): void {
  if (code === 'out-of-order') return;
  for (let number = issuedBefore; number <= Math.min(issuedAfter, amounts.length - 1); number++) {
    const effect = perform(amounts[number]!, deed);
    if (effect.kind === 'refused' && effect.code === code) return;
    if (yard?.refuses(number, code)) return;
  }
  throw new Violation(
    'refusal',
    `${session} ${sequence} was refused with ${code}; no state from ${issuedBefore} to ${issuedAfter} says so`,
  );
}

/** Numbers respect real time: what ended before another began has the lower one; a read sees all that ended before it. */
function checkRealTime({ deeds, reads }: Deeds): void {
  interface Placed {
    readonly called: number;
    readonly returned: number;
    readonly number: number;
    readonly moves: boolean;
  }
  const placed: Placed[] = [];
  for (const { fate, called, returned } of deeds)
    if (fate?.kind === 'issued') placed.push({ called, returned, number: fate.number, moves: true });
  for (const { seen, called, returned } of reads)
    if (seen !== null) placed.push({ called, returned, number: seen.number, moves: false });
  const byReturn = [...placed].sort((a, b) => a.returned - b.returned);
  let highest = 0;
  let next = 0;
  for (const operation of [...placed].sort((a, b) => a.called - b.called)) {
    while (next < byReturn.length && byReturn[next]!.returned < operation.called)
      highest = Math.max(highest, byReturn[next++]!.number);
    if (operation.number < highest)
      throw new Violation(
        'linearizable',
        `an operation called at ${operation.called} is at ${operation.number}, ${highest} was told before`,
      );
  }
}

type Input = { readonly deed: Lived['deed'] } | 'read';

/** The warehouse for the general search; outputs are results, refusal codes, or amounts read. */
const WAREHOUSE: Model<Amounts, Input, string> = {
  initial: EMPTY,
  step(state, input, output) {
    if (input === 'read') return output === undefined || output === keyOf(state) ? state : null;
    const effect = perform(state, input.deed);
    if (output === undefined) return effect.kind === 'done' ? effect.after : state;
    if (effect.kind === 'refused') return output === `refused ${effect.code}` ? state : null;
    return output === effect.result ? effect.after : null;
  },
  key: keyOf,
};

/** False where the history is too long, or the search had to give up. */
function checkBySearch(deeds: Deeds): boolean {
  const operations = [...deeds.deeds.flatMap(operationOf), ...deeds.reads.flatMap(readOperation)];
  if (operations.length > SEARCHED) return false;
  const verdict = checkLinearizable(WAREHOUSE, operations, 20_000);
  if (verdict.kind === 'not-linearizable') {
    const stuck = verdict.stuck.map((index) => JSON.stringify(operations[index]));
    throw new Violation(
      'linearizable',
      `${verdict.longest.length} operations fit, then none of ${stuck.join('; ')}`,
    );
  }
  return verdict.kind === 'linearizable';
}

/** Codes that say nothing of the goods. */
const NO_DEED: ReadonlySet<string> = new Set(['out-of-order', 'gate-shut', 'internal']);

function operationOf({ deed, called, returned, fate, copies }: Lived): Operation<Input, string>[] {
  const input = { deed };
  if (copies > 1 && fate?.kind === 'refused')
    return [{ called, returned: Number.POSITIVE_INFINITY, input, output: undefined }];
  if (fate?.kind === 'issued') return [{ called, returned, input, output: fate.result }];
  if (fate?.kind === 'unavailable') return [];
  if (fate?.kind === 'refused')
    return NO_DEED.has(fate.code) ? [] : [{ called, returned, input, output: `refused ${fate.code}` }];
  return [{ called, returned: Number.POSITIVE_INFINITY, input, output: undefined }];
}

function readOperation({ called, returned, seen }: Read): Operation<Input, string>[] {
  return seen === null ? [] : [{ called, returned, input: 'read', output: seen.amounts }];
}
