import type { Ballot, Device } from '../../../server/consensus/types.ts';
import { Violation } from '../violation.ts';
import type { Truth } from './truth.ts';

interface Asked {
  readonly token: number;
  /** Everything issued when the token was given must be known to the leader that is confirmed. */
  readonly issued: number;
}

/** 8.5: a confirmed leader knows everything that was issued before it asked; else a read or a refusal could lie. */
export class ConfirmationCheck {
  private readonly truth: Truth;
  private readonly asked = new Map<Device, Asked[]>();

  constructor(truth: Truth) {
    this.truth = truth;
  }

  ask(device: Device, token: number): void {
    const list = this.asked.get(device) ?? [];
    this.asked.set(device, [...list, { token, issued: this.truth.upTo }]);
  }

  /** `known(m)`: born of the command that the leader holds for m, issued or in its chain. */
  confirmed(device: Device, token: number, known: (number: number) => Ballot | undefined): void {
    const list = this.asked.get(device) ?? [];
    const done = list.filter((asked) => asked.token <= token);
    this.asked.set(
      device,
      list.filter((asked) => asked.token > token),
    );
    for (const { issued } of done) {
      for (let number = issued; number > 0 && number > issued - 64; number--) {
        const fact = this.truth.fact(number)!;
        if (known(number) !== fact.command.born)
          throw new Violation(
            '8.5',
            `device ${device} is confirmed, but ${fact.command.born}@${number} was issued before it asked`,
          );
      }
    }
  }

  /** Leadership or process lost: no promise about these tokens. */
  dropped(device: Device): void {
    this.asked.delete(device);
  }
}
