/** Asks the world to execute an action that was admitted, and keeps the books: one outcome each, whatever happens. */
import type { ThroughlineError } from '../errors.ts';
import type { ActAnswer, ActRequest, WorldService } from '../world-service.ts';
import { asRefusal } from './refusal.ts';
import type { Sessions } from './sessions.ts';
import type { ActionCounts } from './types.ts';

export interface AskContext {
  readonly world: Pick<WorldService, 'act'>;
  readonly sessions: Sessions;
  readonly counts: ActionCounts;
  /** Something that must not happen happened: for the log. */
  readonly fault: (cause: unknown) => void;
}

export type Outcome =
  | { readonly error: ThroughlineError; readonly answer: null }
  | { readonly error: null; readonly answer: ActAnswer };

/** `done` is called exactly once. */
export function ask(context: AskContext, request: ActRequest, done: (outcome: Outcome) => void): void {
  const { world, sessions, counts, fault } = context;
  let settled = false;
  const settle = (outcome: Outcome) => {
    if (settled) {
      fault(new Error(`sequence ${request.sequence} of ${request.session} was answered twice`));
      return;
    }
    settled = true;
    sessions.settle(request.session);
    count(counts, outcome);
    done(outcome);
  };
  try {
    world.act(request, (error, answer) => {
      if (error !== null) settle({ error, answer: null });
      else if (answer !== undefined) settle({ error: null, answer });
      else throw new Error('an action ended without an answer');
    });
  } catch (cause) {
    fault(cause);
    if (!settled) settle({ error: asRefusal(cause), answer: null });
  }
}

function count(counts: ActionCounts, { error, answer }: Outcome): void {
  if (error === null) counts[answer.duplicate ? 'duplicate' : 'issued']++;
  else if (error.kind === 'unknown') counts.unknown++;
  else if (error.kind === 'unavailable') counts.unavailable++;
  else counts[error.code === 'refused' ? 'refused' : 'failed']++;
}
