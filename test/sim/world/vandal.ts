import type { Choices } from '../choices.ts';
import type { Production } from '../production.ts';
import { type Down, encodeUp, type Up } from './edge-frames.ts';
import { chooseDeed } from './warehouse-model.ts';
import type { Dialler } from './wires.ts';

export interface VandalGround {
  dial(vandal: Vandal, connection: number): void;
  hangUp(vandal: Vandal, connection: number): void;
  send(vandal: Vandal, connection: number, up: Up): void;
}

/** Any bytes at all, bytes that are nearly right, and acts that make no sense: a client that nobody wants. */
export class Vandal implements Dialler {
  readonly name: string;
  private readonly production: Production;
  private readonly ground: VandalGround;
  private readonly choices: Choices;
  private connection = 0;
  private open = false;
  private sequence = 0;

  constructor(production: Production, name: string, ground: VandalGround, choices: Choices) {
    this.production = production;
    this.name = name;
    this.ground = ground;
    this.choices = choices;
  }

  heard(connection: number, down: Down): void {
    if (connection === this.connection && (down.kind === 'lost' || down.kind === 'move-on'))
      this.open = false;
  }

  /** Does something it should not. */
  act(): void {
    const { ground, choices } = this;
    if (!this.open) {
      this.open = true;
      ground.dial(this, ++this.connection);
    }
    for (let count = choices.between(1, 4); count > 0; count--)
      ground.send(this, this.connection, this.nonsense());
    if (choices.chance(0.1)) {
      this.open = false;
      ground.hangUp(this, this.connection);
    }
  }

  private nonsense(): Up {
    const { choices } = this;
    const up = encodeUp(this.production, this.acts());
    switch (choices.below(4)) {
      case 0:
        return up;
      case 1:
        return { type: choices.below(256), bytes: this.noise(choices.below(200)) };
      case 2:
        return { ...up, bytes: up.bytes.slice(0, choices.below(up.bytes.length)) };
      default: {
        const bytes = up.bytes.slice();
        for (let flips = choices.between(1, 3); flips > 0; flips--)
          bytes[choices.below(bytes.length)]! ^= 1 << choices.below(8);
        return { ...up, bytes };
      }
    }
  }

  /** Well-formed, one by one or many; nothing else about them need be right. */
  private acts(): { sequence: number; action: string; args: Uint8Array }[] {
    const { choices, production } = this;
    return Array.from({ length: choices.pick([1, 1, 3, 80]) }, () => {
      const { action, args } = chooseDeed(choices, 'wide');
      const encoded = production.warehouse.schema.actions[action]!.encode(args);
      return {
        sequence: choices.pick([
          ++this.sequence,
          this.sequence,
          0,
          1,
          Number.MAX_SAFE_INTEGER - this.sequence,
        ]),
        action: choices.pick([action, 'inbound', 'outbound', '$end', '', 'toString']),
        args: choices.chance(0.7) ? encoded : this.noise(choices.below(60)),
      };
    });
  }

  private noise(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.choices.below(256));
  }
}
