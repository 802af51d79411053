/** Errors on a line between threads: a copy of an Error keeps its message only. */
import { ThroughlineError } from '../errors.ts';
import { StorageError, type StorageErrorCode } from '../storage/errors.ts';

type Code = ConstructorParameters<typeof ThroughlineError>[0];
type Details = NonNullable<ConstructorParameters<typeof ThroughlineError>[2]>;

export type WireError =
  | { readonly kind: 'throughline'; readonly message: string; readonly code: Code; readonly details: Details }
  | { readonly kind: 'storage'; readonly message: string; readonly code: StorageErrorCode }
  | { readonly kind: 'other'; readonly message: string; readonly stack: string | undefined };

export function encodeError(error: unknown): WireError {
  if (error instanceof ThroughlineError) {
    const { message, code, kind, gameCode, first, retryAfterMs } = error;
    const details: Details = {
      kind,
      ...(gameCode === undefined ? {} : { gameCode }),
      ...(first === undefined ? {} : { first }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
    return { kind: 'throughline', message, code, details };
  }
  if (error instanceof StorageError) return { kind: 'storage', message: error.message, code: error.code };
  if (error instanceof Error) return { kind: 'other', message: error.message, stack: error.stack };
  return { kind: 'other', message: String(error), stack: undefined };
}

export function decodeError(wire: WireError): Error {
  switch (wire.kind) {
    case 'throughline':
      return new ThroughlineError(wire.code, wire.message, wire.details);
    case 'storage':
      return new StorageError(wire.code, wire.message);
    case 'other': {
      const error = new Error(wire.message);
      if (wire.stack !== undefined) error.stack = wire.stack;
      return error;
    }
  }
}
