import { digestText, sameDigest } from '../schemas/support/digest.ts';
import type { Digest } from '../schemas/support/types.ts';

/**
 * Why a copy of a world cannot go on. `digest-mismatch`: this copy and the leader's differ; `gap`: not the next number;
 * `wrong-precedent`: computed on another history; `forged`: bytes that no leader wrote for this state.
 */
export type StateErrorCode = 'digest-mismatch' | 'gap' | 'wrong-precedent' | 'forged';

/** Fail stop: the copy that threw it must not be used any more. */
export class StateError extends Error {
  readonly code: StateErrorCode;
  /** The command at which it was noticed. */
  readonly number: number;
  readonly detail: string;

  constructor(code: StateErrorCode, number: number, detail: string) {
    super(`command ${number}: ${detail}`);
    this.name = 'StateError';
    this.code = code;
    this.number = number;
    this.detail = detail;
  }
}

/** The same, of a client's mirror, which then starts again from a snapshot. */
export class MirrorError extends StateError {
  constructor(code: StateErrorCode, number: number, detail: string) {
    super(code, number, detail);
    this.name = 'MirrorError';
  }
}

/** Throws unless the two are equal. */
export function requireDigest(number: number, what: string, here: Digest, there: Digest): void {
  if (sameDigest(here, there)) return;
  throw new StateError(
    'digest-mismatch',
    number,
    `${what} digest is ${digestText(here)} here and ${digestText(there)} in the command`,
  );
}

/** A world's definition that cannot work; thrown by defineWorld. */
export class DefinitionError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'DefinitionError';
  }
}

/** A definite no from the rules of the game. */
export class Refused extends Error {
  readonly code: string;
  readonly detail: string;

  constructor(code: string, detail = '') {
    super(detail === '' ? code : `${code}: ${detail}`);
    this.name = 'Refused';
    this.code = code;
    this.detail = detail;
  }
}

/** A definite no from the framework: bad-arguments, no-such-action, too-large, internal … */
export class Failed extends Error {
  readonly code: string;
  readonly detail: string;

  constructor(code: string, detail: string, options?: { readonly cause: unknown }) {
    super(detail === '' ? code : `${code}: ${detail}`, options);
    this.name = 'Failed';
    this.code = code;
    this.detail = detail;
  }
}
