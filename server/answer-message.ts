/** The world's word on an action, as the message that tells it: schemas/client.fbs, Answer. */
import type { Answer } from '../schemas/generated/client.ts';
import { isWellFormed } from '../schemas/support/utf8.ts';
import type { ThroughlineError } from './errors.ts';
import type { ActAnswer } from './world-service.ts';

export function positive(sequence: number, { number, result, duplicate }: ActAnswer): Answer {
  return { sequence, outcome: 'issued', number, duplicate, result, code: '', detail: '' };
}

export function negative(sequence: number, error: ThroughlineError): Answer {
  const refused = error.code === 'refused';
  const outcome = error.kind === 'unknown' ? 'unknown' : refused ? 'refused' : 'failed';
  const code = refused ? (error.gameCode ?? error.code) : error.code;
  return {
    sequence,
    outcome,
    number: 0,
    duplicate: false,
    result: '',
    code: wellFormed(code),
    detail: wellFormed(error.message),
  };
}

/** Text that has a UTF-8 form, which half of a surrogate pair has not. */
function wellFormed(text: string): string {
  return isWellFormed(text) ? text : Buffer.from(text).toString();
}
