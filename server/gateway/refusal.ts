/** How an error of errors.ts looks to a client: an HTTP answer, a close code, a refused join. */
import { SchemaError } from '../../schemas/support/errors.ts';
import { type ErrorCode, HTTP_STATUS, ThroughlineError } from '../errors.ts';

const REASON_BYTES = 123;
/** Seconds after which a client may try again. */
export const RETRY_AFTER = '1';

/** Any thrown value as an error a client may see. `internal` says nothing of what went wrong inside: log the cause. */
export function asRefusal(cause: unknown): ThroughlineError {
  if (cause instanceof ThroughlineError) return cause;
  if (cause instanceof SchemaError) return new ThroughlineError('bad-arguments', cause.message);
  return new ThroughlineError('internal', 'something went wrong on this server; it is in its log', {
    kind: 'unknown',
  });
}

/** Something nobody meant to happen, so that it belongs into the log; errors of errors.ts are meant. */
export function isFault(cause: unknown): boolean {
  return !(cause instanceof ThroughlineError) && asRefusal(cause).code === 'internal';
}

/** CONTRACT: {"error","detail"}, with the game's code, the first number still held and the open outcome where they apply. */
export function refusalBody(error: ThroughlineError): string {
  return JSON.stringify({
    error: error.code,
    detail: error.message,
    code: error.code === 'refused' ? error.gameCode : undefined,
    first: error.first,
    outcome: error.kind === 'unknown' ? 'unknown' : undefined,
    retryAfterMs: error.retryAfterMs,
  });
}

/** WebSocket close codes are 4000 + the HTTP status, so that one table tells both. */
export function closeCode(code: ErrorCode): number {
  return 4000 + HTTP_STATUS[code];
}

/** What a close frame has room for: 123 bytes. */
export function closeReason(code: ErrorCode, detail: string): string {
  return `${code}: ${detail}`.replace(/[^\x20-\x7e]/g, '?').slice(0, REASON_BYTES);
}
