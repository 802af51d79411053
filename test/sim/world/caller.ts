import type { Answer } from '../../../client/session-types.ts';
import type { Choices } from '../choices.ts';
import { type Deeds, end, fateOf, type Lived } from './ledger-of-deeds.ts';
import type { Deed } from './warehouse-model.ts';

export interface CallerGround {
  now(): number;
  issued(): number;
  later(delay: number, what: () => void): void;
  /** Posts a deed to some region; the answer, if any, comes by `answered`. */
  post(caller: Caller, lived: Lived, attempt: number): void;
}

/**
 * A program that acts over HTTP: one deed at a time, and the same sequence again through any region, sometimes before the first
 * answer came, until one answer is definite. It believes the first definite answer, and checks the later ones against it.
 */
export class Caller {
  readonly name: string;
  private readonly ground: CallerGround;
  private readonly deeds: Deeds;
  private readonly choices: Choices;
  private readonly patience: number;
  private sequence = 0;
  private open: Lived | null = null;
  private attempts = 0;

  constructor(name: string, ground: CallerGround, deeds: Deeds, choices: Choices, patience: number) {
    this.name = name;
    this.ground = ground;
    this.deeds = deeds;
    this.choices = choices;
    this.patience = patience;
  }

  get busy(): boolean {
    return this.open !== null;
  }

  act(deed: Deed): void {
    if (this.open !== null) return;
    const lived = this.deeds.begin(this.name, deed, this.ground.now(), this.ground.issued());
    // Gaps are allowed.
    this.sequence += this.choices.pick([1, 1, 1, 5]);
    lived.sequence = this.sequence;
    this.open = lived;
    this.attempts = 0;
    this.attempt(lived);
  }

  answered(lived: Lived, attempt: number, answer: Answer): void {
    if (this.open !== lived) return;
    const fate = fateOf(answer);
    if (fate.kind === 'issued' || (fate.kind === 'refused' && attempt === 1 && this.attempts === 1))
      this.finish(lived, fate);
    else if (fate.kind === 'refused') {
      // A repeat is a new attempt, so a no to one of several says nothing about the others: not a definite one.
      if (this.attempts >= MOST) this.finish(lived, { kind: 'unknown', code: fate.code });
    } else if (attempt === this.attempts) this.again(lived);
  }

  private attempt(lived: Lived): void {
    const attempt = ++this.attempts;
    this.ground.post(this, lived, attempt);
    this.ground.later(this.patience * (0.5 + this.choices.waiting(0.5)), () => {
      if (this.open === lived && this.attempts === attempt) this.again(lived);
    });
  }

  private again(lived: Lived): void {
    if (this.attempts >= MOST) {
      this.finish(lived, { kind: 'unknown', code: 'gave-up' });
      return;
    }
    this.ground.later(this.choices.waiting(this.patience / 4), () => {
      if (this.open === lived) this.attempt(lived);
    });
  }

  private finish(lived: Lived, fate: NonNullable<Lived['fate']>): void {
    this.open = null;
    end(lived, fate, this.ground.now(), this.ground.issued());
  }
}

/** Attempts at one deed before its caller gives up and knows nothing. */
const MOST = 12;
