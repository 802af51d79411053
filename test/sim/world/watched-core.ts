import type { Ballot, Command, Device, Effects, Input } from '../../../server/consensus/types.ts';
import type { Core } from '../../../server/replica/world-host.ts';
import type { Ground } from '../cluster/ground.ts';
import { Violation } from '../violation.ts';

/** The consensus core inside a WorldHost, with the checkers' eyes on what passes between the two. */
export class WatchedCore implements Core {
  private readonly core: Core;
  private readonly ground: Ground;
  /** borns[m]: the issued command for m. */
  private readonly borns: Ballot[];
  private readonly self: Device;
  /** What a check found; the host takes it for a fault of its own and stops. */
  found: unknown = null;
  private lead: { readonly ballot: Ballot; readonly chain: Map<number, Ballot> } | null = null;

  constructor(core: Core, self: Device, ground: Ground, log: readonly Command[]) {
    this.core = core;
    this.self = self;
    this.ground = ground;
    this.borns = [0, ...log.map(({ born }) => born)];
  }

  get leading(): boolean {
    return this.lead !== null;
  }

  /** 0: none. */
  get ballot(): Ballot {
    return this.lead?.ballot ?? 0;
  }

  /** The real one, to be measured. */
  get watched(): unknown {
    return this.core;
  }

  status(): ReturnType<Core['status']> {
    return this.core.status();
  }

  step(input: Input): Effects {
    try {
      if (input.kind === 'message' && input.from === this.self) this.ground.own(input.message);
      if (input.kind === 'confirm') this.ground.asked(input.token);
      const effects = this.core.step(input);
      this.watch(input, effects);
      return effects;
    } catch (error) {
      this.found = error;
      throw error;
    }
  }

  private watch(input: Input, effects: Effects): void {
    if (effects.deposed !== undefined) {
      this.lead = null;
      this.ground.deposed(effects.deposed.ballot);
    }
    if (effects.resting === true && this.lead !== null) this.ground.rested();
    if (effects.issued.length > 0) this.issued(effects.issued);
    if (effects.activated !== undefined) {
      const { ballot, chain } = effects.activated;
      this.ground.activated(effects.activated);
      this.lead = { ballot, chain: new Map(chain.map(({ number, born }) => [number, born])) };
    }
    if (input.kind === 'propose' && this.lead?.ballot === input.ballot)
      for (const { number, born } of input.commands) this.lead.chain.set(number, born);
    if (effects.confirmed !== undefined) {
      const { borns, lead } = this;
      this.ground.confirmed(effects.confirmed, (number) => borns[number] ?? lead?.chain.get(number));
    }
  }

  private issued(commands: readonly Command[]): void {
    this.ground.issued(commands);
    for (const { number, born } of commands) {
      this.borns[number] = born;
      if (this.lead === null) continue;
      const own = this.lead.chain.get(number);
      if (own !== born)
        throw new Violation(
          'I18',
          `leading ${this.lead.ballot} with ${own} for ${number}, issued is ${born}`,
        );
      this.lead.chain.delete(number);
    }
  }
}
