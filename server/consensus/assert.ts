/**
 * Assertions of the core. They stay on in production: a device whose own state is inconsistent must stop (fail stop),
 * because what it would say next could be believed. A peer's fault is an alarm instead; see `Effects.alarms`.
 */

/** An invariant I1..I18 of this device's own state does not hold; the message carries the numbers. */
export class ProtocolViolation extends Error {
  /** The invariant or rule, for example `I3`. */
  readonly rule: string;
  readonly numbers: Readonly<Record<string, number>>;

  constructor(rule: string, what: string, numbers: Readonly<Record<string, number>>) {
    const shown = Object.entries(numbers).map(([name, value]) => `${name}=${value}`);
    super(`${rule}: ${what} (${shown.join(', ')})`);
    this.name = 'ProtocolViolation';
    this.rule = rule;
    this.numbers = numbers;
  }
}

/** Callers test first and call this in the rare case, so that a hot path builds no arguments. */
export function fail(rule: string, what: string, numbers: Readonly<Record<string, number>>): never {
  throw new ProtocolViolation(rule, what, numbers);
}
