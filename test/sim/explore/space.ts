import type { PaxosInput } from '../../../server/consensus/paxos.ts';
import type { Paxos } from '../../../server/consensus/paxos-state.ts';
import type { Command, Device, Message, Send, VotedRange } from '../../../server/consensus/types.ts';
import { Store } from '../cluster/store.ts';
import type { Production } from '../production.ts';
import { Violation } from '../violation.ts';
import { configOf, type Scope } from './scope.ts';

/** One device at one moment, interned: `id` names it for ever. */
export interface DeviceState {
  readonly id: number;
  readonly self: Device;
  readonly paxos: Paxos;
  readonly store: Store;
  /** Results of what was tried here before, by action. */
  readonly outcomes: Map<number, readonly Outcome[]>;
  /** Whether a message can still affect this device, by message. */
  readonly matters: Map<number, boolean>;
}

/** A message on the wire, interned. */
export interface Flying {
  readonly id: number;
  readonly from: Device;
  readonly to: Device;
  readonly message: Message;
}

export interface Outcome {
  readonly state: DeviceState;
  /** New messages to others. */
  readonly sent: readonly number[];
  /** Uses up one of the restarts. */
  readonly crashed: boolean;
}

/** Actions other than "deliver message id". */
export const LEAD = -1;
export const PROPOSE = -2;
export const RESTART = -3;

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
  /** Transitions computed by the real code; the rest came from memory. */
  stepped = 0;

  constructor(production: Production, scope: Scope) {
    this.production = production;
    this.scope = scope;
  }

  initial(): DeviceState[] {
    return Array.from({ length: this.scope.devices }, (_, self) => this.boot(self, new Store()));
  }

  /** What can come of this action here; more than one outcome where a crash may cut the step. */
  outcomes(state: DeviceState, action: number): readonly Outcome[] {
    let known = state.outcomes.get(action);
    if (known === undefined) {
      known = this.compute(state, action);
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

  /**
   * False where the message can do nothing any more, now or later. Where restarts are on only what is durable counts, for a
   * crash takes the rest back.
   */
  matters(state: DeviceState, id: number): boolean {
    let known = state.matters.get(id);
    if (known === undefined) {
      known = this.canMatter(state, this.messages[id]!);
      state.matters.set(id, known);
    }
    return known;
  }

  private canMatter({ paxos, store }: DeviceState, { from, message }: Flying): boolean {
    const upTo = this.scope.restarts > 0 ? store.upTo : paxos.upTo;
    switch (message.kind) {
      case 'next-ballot':
        return message.ballot > store.nextBal;
      case 'ballot-info':
        return (
          paxos.role.kind === 'preparing' &&
          paxos.role.ballot === message.ballot &&
          paxos.role.infos[from] === null
        );
      case 'begin-ballot': {
        const { number, born } = message.commands[0]!;
        if (message.ballot < store.nextBal || number <= upTo) return false;
        return store.votes.get(number)?.get(born)?.ballot !== message.ballot;
      }
      case 'voted': {
        if (message.ranges[0]!.last <= upTo) return false;
        return this.scope.restarts > 0 || !this.counted(paxos, from, message);
      }
      case 'success':
        return message.ranges[0]!.last > upTo;
      case 'issued':
        return message.upTo > upTo;
      default:
        return false;
    }
  }

  private counted(
    paxos: Paxos,
    from: Device,
    { ballot, ranges }: Extract<Message, { kind: 'voted' }>,
  ): boolean {
    return this.production.hasVoted(paxos.tally, ballot, from, ranges[0]!.first);
  }

  private compute(state: DeviceState, action: number): readonly Outcome[] {
    this.stepped++;
    if (action === RESTART) return [{ state: this.boot(state.self, state.store), sent: [], crashed: true }];
    return this.perform(state, this.inputOf(state, action));
  }

  private inputOf({ paxos }: DeviceState, action: number): PaxosInput {
    if (action === LEAD) return { kind: 'lead' };
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

  /** One step with its write durable and its messages to itself handled; and, where a crash may cut it, what is left then. */
  private perform(state: DeviceState, input: PaxosInput): Outcome[] {
    const paxos = this.production.clonePaxos(state.paxos);
    const pending: PaxosInput[] = [input];
    const sent = new Set<number>();
    const outcomes: Outcome[] = [];
    let { store } = state;
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const chain = ownChain(paxos);
      const effects = this.guarded(() => this.production.stepPaxos(paxos, next as PaxosInput));
      if (chain !== null && effects.deposed === undefined) confirmsChain(chain, effects.issued);
      if (effects.alarms !== undefined) throw new Violation('alarm', effects.alarms.join('; '));
      const { write } = effects;
      if (write !== undefined) {
        if (this.scope.restarts > 0)
          outcomes.push(this.cutShort(state.self, store, [...sent], effects.sends, write.write));
        store = store.clone();
        store.apply(write);
      }
      for (const { to, message } of effects.sends) {
        if (to === state.self) pending.push({ kind: 'message', from: to, message } as PaxosInput);
        else for (const id of this.split(state.self, to, message)) sent.add(id);
      }
      if (!this.scope.lazyMarks && pending.length === 0 && paxos.upTo > paxos.marked)
        pending.push({ kind: 'idle' });
    }
    if (this.scope.taught) for (const id of this.teachings(state.self, state.paxos.upTo, paxos)) sent.add(id);
    outcomes.unshift({ state: this.intern(state.self, paxos, store), sent: [...sent], crashed: false });
    return outcomes;
  }

  /** What this device has just learned to be issued, told to everybody. */
  private *teachings(self: Device, before: number, paxos: Paxos): Iterable<number> {
    for (let number = before + 1; number <= paxos.upTo; number++) {
      const message: Message = {
        kind: 'issued',
        upTo: number,
        commands: [this.production.at(paxos.tail, number)!],
      };
      for (let to = 0; to < this.scope.devices; to++) if (to !== self) yield this.fly(self, to, message);
    }
  }

  /** The write is lost, and what did not wait for it has left. */
  private cutShort(
    self: Device,
    store: Store,
    before: readonly number[],
    sends: readonly Send[],
    write: number,
  ): Outcome {
    const left = new Set(before);
    for (const { to, message, after } of sends) {
      if (to === self || after >= write) continue;
      for (const id of this.split(self, to, message)) left.add(id);
    }
    return { state: this.boot(self, store), sent: [...left], crashed: true };
  }

  private boot(self: Device, store: Store): DeviceState {
    const durable = store.durable(1000);
    const paxos = this.guarded(() => this.production.createPaxos(configOf(this.scope, self), durable));
    return this.intern(self, paxos, store);
  }

  private intern(self: Device, paxos: Paxos, store: Store): DeviceState {
    paxos.lastWrite = 0;
    const key = `${self}#${this.production.serialisePaxos(paxos)}#${serialiseStore(store)}`;
    let state = this.stateIds.get(key);
    if (state === undefined) {
      state = { id: this.states.length, self, paxos, store, outcomes: new Map(), matters: new Map() };
      this.states.push(state);
      this.stateIds.set(key, state);
      // What was only heard of can decide nothing where this device will not lead any more.
      if (!this.mayLead(state) && paxos.seen > Math.max(paxos.nextBal, paxos.lastTried)) {
        const quiet = this.production.clonePaxos(paxos);
        quiet.seen = Math.max(paxos.nextBal, paxos.lastTried);
        state = this.intern(self, quiet, store);
        this.stateIds.set(key, state);
      }
    }
    return state;
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
        return single(message.ranges).map((range) => this.fly(from, to, { ...message, ranges: [range] }));
      case 'success':
        return single(message.ranges).map((range) => this.fly(from, to, { ...message, ranges: [range] }));
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
      this.messages.push({ id, from, to, message });
      this.messageIds.set(key, id);
    }
    return id;
  }

  private guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof Violation) throw error;
      throw new Violation('fail-stop', error instanceof Error ? error.message : String(error));
    }
  }
}

interface OwnChain {
  readonly ballot: number;
  readonly first: number;
  readonly borns: readonly (number | undefined)[];
}

/** What a leader has proposed or will, before a step may drop some of it. */
function ownChain({ role }: Paxos): OwnChain | null {
  if (role.kind !== 'leading') return null;
  const { base, items } = role.chain;
  return { ballot: role.ballot, first: base, borns: items.map((command) => command?.born) };
}

/** I18: a leader that learns another command for a number of its own steps down in the same step. */
function confirmsChain({ ballot, first, borns }: OwnChain, issued: readonly Command[]): void {
  for (const { number, born } of issued) {
    const own = borns[number - first];
    if (own !== born)
      throw new Violation('I18', `leading ${ballot} with ${own} for ${number}, issued is ${born}`);
  }
}

function single(ranges: readonly VotedRange[]): VotedRange[] {
  return ranges.flatMap(({ first, last, born }) =>
    Array.from({ length: last - first + 1 }, (_, index) => ({
      first: first + index,
      last: first + index,
      born,
    })),
  );
}

const named = ({ born, number, precedent }: Command) => `${born}@${number}<${precedent}`;

export function serialiseMessage(message: Message): string {
  switch (message.kind) {
    case 'begin-ballot':
      return `begin-ballot ${message.ballot} ${message.commands.map(named)}`;
    case 'issued':
      return `issued ${message.commands.map(named)}`;
    case 'ballot-info': {
      const votes = message.votes.map(({ ballot, command }) => `${ballot}:${named(command)}`);
      return `ballot-info ${message.ballot} upTo ${message.born}@${message.upTo} [${message.issued.map(named)}] [${votes}]`;
    }
    default:
      return JSON.stringify(message);
  }
}

function serialiseStore(store: Store): string {
  const votes = store
    .allVotes()
    .map(({ ballot, command }) => `${ballot}:${named(command)}`)
    .sort();
  return `${store.lastTried},${store.nextBal},${store.log.map(named)},${votes}`;
}
