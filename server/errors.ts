/**
 * One language of errors. `refused` is a definite no; `unavailable` had no effect, a retry is safe; `unknown` may have had
 * one, and a retry with the same sequence settles it.
 */
export type ErrorKind = 'refused' | 'unavailable' | 'unknown';

/** HTTP status of each code of the contract. */
export const HTTP_STATUS = {
  'bad-request': 400,
  'bad-arguments': 400,
  unauthorized: 401,
  forbidden: 403,
  'no-such-world': 404,
  'no-such-action': 404,
  'not-found': 404,
  refused: 409,
  'out-of-order': 409,
  compacted: 410,
  settled: 410,
  'too-large': 413,
  'rate-limited': 429,
  internal: 500,
  'no-quorum': 503,
  overloaded: 503,
  draining: 503,
} as const;
export type ErrorCode = keyof typeof HTTP_STATUS;

export class ThroughlineError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  /** The game's own code where code is `refused`. */
  readonly gameCode: string | undefined;
  /** Where code is `compacted`: the first number still held. */
  readonly first: number | undefined;
  /** Where code is `overloaded` and it is known: milliseconds after which another attempt makes sense. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    options: {
      readonly kind?: ErrorKind;
      readonly gameCode?: string;
      readonly first?: number;
      readonly retryAfterMs?: number;
    } = {},
  ) {
    super(detail);
    this.name = 'ThroughlineError';
    this.code = code;
    this.kind =
      options.kind ?? (HTTP_STATUS[code] >= 503 || code === 'rate-limited' ? 'unavailable' : 'refused');
    this.gameCode = options.gameCode;
    this.first = options.first;
    this.retryAfterMs = options.retryAfterMs;
  }
}
