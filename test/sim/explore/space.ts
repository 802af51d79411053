import type { PaxosInput } from '../../../server/consensus/paxos.ts';
import type { Paxos } from '../../../server/consensus/paxos-state.ts';
import type { Command, Device, Message, Send, Write } from '../../../server/consensus/types.ts';
import { checkAnswer } from '../check/answers.ts';
import { Store } from '../cluster/store.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { type DeviceState, DISK, type Flying, LEAD, MARK, type Outcome, PROPOSE } from './device-state.ts';
import { canMatter } from './obsolete.ts';
import { confirmsChain, ownChain } from './own-chain.ts';
import { configOf, type Scope } from './scope.ts';
import { serialiseLog, serialiseMessage, serialiseStore, serialiseWrite, singles } from './wording.ts';

/** A device while something happens to it. */
interface Doing {
  readonly self: Device;
  readonly paxos: Paxos;
  store: Store;
  readonly waiting: Write[];
  readonly held: Map<number, number>;
  readonly sent: Set<number>;
  /** Inputs to come: messages to itself that may be read now. */
  readonly inputs: PaxosInput[];
  readonly cuts: Outcome['cuts'][number][];
}

/**
 * All device states and messages of a scope, made by the production step function and remembered: a few thousand distinct
 * ones carry millions of global states.
 */
export class Space {
  readonly states: DeviceState[] = [];
  readonly messages: Flying[] = [];
  private readonly production: Production;
  private readonly scope: Scope;
  private readonly stateIds = new Map<string, DeviceState>();
  private readonly messageIds = new Map<string, number>();
  private readonly factIds = new Map<string, number>();
  private readonly visibleIds = new Map<string, number>();
  /** Transitions computed by the real code; the rest came from memory. */
  stepped = 0;

  constructor(production: Production, scope: Scope) {
    this.production = production;
    this.scope = scope;
  }

  initial(): DeviceState[] {
    return Array.from({ length: this.scope.devices }, (_, self) => this.boot(self, new Store()));
  }

  /** What comes of this action here. */
  outcome(state: DeviceState, action: number): Outcome {
    let known = state.outcomes.get(action);
    if (known === undefined) {
      this.stepped++;
      known = action === DISK ? this.writeOut(state) : this.perform(state, this.inputOf(state, action));
      state.outcomes.set(action, known);
    }
    return known;
  }

  mayLead({ self, paxos }: DeviceState): boolean {
    const { devices, leaders, rounds } = this.scope;
    if (self >= leaders || paxos.role.kind !== 'follower') return false;
    const highest = Math.max(paxos.lastTried, paxos.nextBal, paxos.seen);
    return highest < rounds * devices + self;
  }

  mayPropose({ paxos }: DeviceState): boolean {
    const { numbers, window } = this.scope;
    return (
      paxos.role.kind === 'leading' && paxos.role.next <= numbers && paxos.role.next <= paxos.upTo + window
    );
  }

  mayMark({ paxos }: DeviceState): boolean {
    return this.scope.lazyMarks && paxos.upTo > paxos.marked;
  }

  /** The core goes no further while so many writes wait. */
  mayGoOn({ waiting }: DeviceState): boolean {
    return this.scope.ahead === 0 || waiting.length < this.scope.ahead;
  }

  /** False where the message can do nothing any more, now or later. */
  matters(state: DeviceState, id: number): boolean {
    let known = state.matters.get(id);
    if (known === undefined) {
      known = canMatter(this.production, this.scope.restarts > 0, state, this.messages[id]!);
      state.matters.set(id, known);
    }
    return known;
  }

  /** The device after a crash: what its disk holds, and nothing else (R14). */
  boot(self: Device, store: Store): DeviceState {
    const durable = store.durable(1000);
    const paxos = guarded(() => this.production.createPaxos(configOf(this.scope, self), durable));
    return this.intern({ self, paxos, store, waiting: [], held: new Map() });
  }

  private inputOf({ paxos }: DeviceState, action: number): PaxosInput {
    if (action === LEAD) return { kind: 'lead' };
    if (action === MARK) return { kind: 'idle' };
    if (action === PROPOSE) {
      const { ballot, command } = this.nextCommand(paxos);
      return { kind: 'propose', ballot, commands: [command] };
    }
    const { from, message } = this.messages[action]!;
    return { kind: 'message', from, message } as PaxosInput;
  }

  /** What a function would return now; its content says who made it, on what. */
  private nextCommand(paxos: Paxos): { ballot: number; command: Command } {
    const { role } = paxos;
    if (role.kind !== 'leading') throw new Error('only a leader runs functions');
    const last = role.next - 1;
    const precedent = last === paxos.upTo ? paxos.born : this.production.at(role.chain, last)!.born;
    const { resent } = this.scope;
    const bytes = Uint8Array.of(...(resent && role.next === 1 ? [1] : [role.ballot, role.next, precedent]));
    return { ballot: role.ballot, command: { number: role.next, born: role.ballot, precedent, bytes } };
  }

  private perform(state: DeviceState, input: PaxosInput): Outcome {
    const doing = this.begin(state);
    doing.inputs.push(input);
    return this.finish(state, doing);
  }

  private writeOut(state: DeviceState): Outcome {
    const doing = this.begin(state);
    this.flush(doing);
    return this.finish(state, doing);
  }

  private begin({ self, paxos, store, waiting, held }: DeviceState): Doing {
    return {
      self,
      paxos: this.production.clonePaxos(paxos),
      store,
      waiting: [...waiting],
      held: new Map(held),
      sent: new Set(),
      inputs: [],
      cuts: [],
    };
  }

  /** Handles what there is to read, messages to itself as soon as they may be read. */
  private finish(before: DeviceState, doing: Doing): Outcome {
    const { self, paxos, inputs } = doing;
    for (;;) {
      if (!this.scope.lazyMarks && inputs.length === 0 && paxos.upTo > paxos.marked)
        inputs.push({ kind: 'idle' });
      const input = inputs.shift();
      if (input === undefined) break;
      this.step(doing, input);
    }
    if (this.scope.taught)
      for (const id of this.teachings(self, before.paxos.upTo, paxos)) doing.sent.add(id);
    return { state: this.intern(doing), sent: [...doing.sent], cuts: doing.cuts };
  }

  private step(doing: Doing, input: PaxosInput): void {
    const { paxos, waiting } = doing;
    const chain = ownChain(paxos);
    const effects = guarded(() => this.production.stepPaxos(paxos, input));
    if (chain !== null && effects.deposed === undefined) confirmsChain(chain, effects.issued);
    if (effects.alarms !== undefined) throw new Violation('alarm', effects.alarms.join('; '));
    if (effects.write !== undefined) waiting.push(effects.write);
    for (const send of effects.sends) this.release(doing, send, waiting.length);
    if (this.scope.ahead > 0) return;
    while (waiting.length > 0) {
      if (this.scope.restarts > 0) doing.cuts.push({ store: doing.store, sent: [...doing.sent] });
      this.flush(doing);
    }
  }

  /** A message leaves now, or waits for its write (I10). */
  private release(doing: Doing, { to, message, after }: Send, writes: number): void {
    this.checkWindow(doing.paxos, message);
    const ids = to === doing.self ? [this.fly(to, to, message)] : this.split(doing.self, to, message);
    for (const id of ids) {
      if (after === 0) this.leave(doing, id);
      else if (after > writes) throw new Violation('I10', `waits for write ${after} of ${writes}`);
      else doing.held.set(id, Math.min(after, doing.held.get(id) ?? after));
    }
  }

  private leave(doing: Doing, id: number): void {
    const { from, to, message } = this.messages[id]!;
    if (message.kind === 'ballot-info') checkAnswer(doing.store, [message]);
    if (to === from) doing.inputs.push({ kind: 'message', from, message } as PaxosInput);
    else doing.sent.add(id);
  }

  /** R8, I7: at the moment a proposal is made. */
  private checkWindow({ upTo }: Paxos, message: Message): void {
    if (message.kind !== 'begin-ballot') return;
    const { number } = message.commands.at(-1)!;
    if (number > upTo + this.scope.window)
      throw new Violation('I7', `begin-ballot for ${number}, issued ${upTo}, window ${this.scope.window}`);
  }

  /** The next waiting write is durable; what waited for it leaves. Writes are counted from the first that waits. */
  private flush(doing: Doing): void {
    const { paxos, waiting, held } = doing;
    doing.store = doing.store.clone();
    doing.store.apply(waiting.shift()!);
    paxos.lastWrite = waiting.length;
    paxos.learnedIn = Math.max(0, paxos.learnedIn - 1);
    const due: number[] = [];
    for (const [id, after] of held) {
      if (after > 1) held.set(id, after - 1);
      else due.push(id);
    }
    for (const id of due) held.delete(id);
    for (const id of due) this.leave(doing, id);
  }

  /** What this device has just learned to be issued, told to everybody. */
  private *teachings(self: Device, before: number, paxos: Paxos): Iterable<number> {
    for (let number = before + 1; number <= paxos.upTo; number++) {
      const message: Message = {
        kind: 'issued',
        upTo: number,
        commands: [this.production.issuedAt(paxos.tail, number)!],
      };
      for (let to = 0; to < this.scope.devices; to++) if (to !== self) yield this.fly(self, to, message);
    }
  }

  private intern({
    self,
    paxos,
    store,
    waiting,
    held,
  }: Omit<Doing, 'sent' | 'inputs' | 'cuts'>): DeviceState {
    const key = `${self}#${this.keyOf(paxos, store, waiting, held)}`;
    const known = this.stateIds.get(key);
    if (known !== undefined) return known;
    const state: DeviceState = {
      id: this.states.length,
      self,
      paxos,
      store,
      waiting,
      held,
      facts: idOf(this.factIds, `${serialiseStore(store)}#${serialiseLog(paxos)}`),
      visible: idOf(this.visibleIds, `${self}#${this.keyOf(withoutCounts(paxos), store, waiting, held)}`),
      outcomes: new Map(),
      matters: new Map(),
    };
    // What was only heard of can decide nothing where this device will not lead any more.
    if (!this.mayLead(state) && paxos.seen > Math.max(paxos.nextBal, paxos.lastTried)) {
      const quiet = this.production.clonePaxos(paxos);
      quiet.seen = Math.max(paxos.nextBal, paxos.lastTried);
      const same = this.intern({ self, paxos: quiet, store, waiting, held });
      this.stateIds.set(key, same);
      return same;
    }
    this.states.push(state);
    this.stateIds.set(key, state);
    return state;
  }

  private keyOf(
    paxos: Paxos,
    store: Store,
    waiting: readonly Write[],
    held: ReadonlyMap<number, number>,
  ): string {
    const key = `${this.production.serialisePaxos(paxos)}#${serialiseStore(store)}`;
    if (waiting.length === 0) return key;
    const late = [...held].sort(([a], [b]) => a - b).join(' ');
    return `${key}#${waiting.map(serialiseWrite).join('|')}#${paxos.learnedIn}#${late}`;
  }

  /** A message with several commands or ranges travels as one message for each, so that each can be lost alone. */
  private split(from: Device, to: Device, message: Message): number[] {
    switch (message.kind) {
      case 'next-ballot':
      case 'ballot-info':
        return [this.fly(from, to, message)];
      case 'begin-ballot':
        return message.commands.map((command) => this.fly(from, to, { ...message, commands: [command] }));
      case 'voted':
        return singles(message.ranges).map((range) => this.fly(from, to, { ...message, ranges: [range] }));
      case 'success':
        return singles(message.ranges).map((range) => this.fly(from, to, { ...message, ranges: [range] }));
      default:
        // MyNextBal, CatchUp, Issued: their loss is legal, what they carry travels otherwise.
        return [];
    }
  }

  private fly(from: Device, to: Device, message: Message): number {
    const key = `${from}>${to} ${serialiseMessage(message)}`;
    let id = this.messageIds.get(key);
    if (id === undefined) {
      id = this.messages.length;
      if (id > 0xffff) throw new Error('more messages than the name of an inbox can hold');
      this.messages.push({ id, from, to, message });
      this.messageIds.set(key, id);
    }
    return id;
  }
}

/** As if no vote of another and no answer had been counted yet. */
function withoutCounts(paxos: Paxos): Paxos {
  const { role } = paxos;
  const none = role.kind === 'preparing' ? { ...role, infos: [], partial: [] } : role;
  return { ...paxos, tally: { ballots: [] }, role: none };
}

function idOf(ids: Map<string, number>, key: string): number {
  let id = ids.get(key);
  if (id === undefined) {
    id = ids.size;
    ids.set(key, id);
  }
  return id;
}

/** The production code stopped itself: that must not happen, whatever the network does. */
function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Violation) throw error;
    throw new Violation('fail-stop', error instanceof Error ? error.message : String(error));
  }
}
