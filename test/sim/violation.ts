/** A rule of PROTOCOL section 13 (or of the clients' promise) was seen broken. `rule` is its stable name: G1, I4, exactly-once … */
export class Violation extends Error {
  readonly rule: string;

  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`);
    this.name = 'Violation';
    this.rule = rule;
  }
}

/** Throws the violation unless `holds`; the text is only made when it is needed. */
export function require(holds: boolean, rule: string, detail: () => string): asserts holds {
  if (!holds) throw new Violation(rule, detail());
}
