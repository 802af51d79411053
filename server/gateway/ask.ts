/** Asks the world to execute an action that was admitted, and keeps the books: one outcome each, whatever happens. */
import type { ThroughlineError } from '../errors.ts';
import type { ActAnswer, ActRequest, Asker, WorldService } from '../world-service.ts';
import { asRefusal } from './refusal.ts';
import type { Seat, Sessions } from './sessions.ts';
import type { ActionCounts } from './types.ts';

export interface AskContext {
  readonly world: Pick<WorldService, 'act'>;
  readonly sessions: Sessions;
  readonly counts: ActionCounts;
  /** Something that must not happen happened: for the log. */
  readonly fault: (cause: unknown) => void;
}

/** Whoever asks gives the action's place back by `settle` when it is answered. */
export function hand({ world, fault }: AskContext, request: ActRequest, asker: Asker, tag: number): void {
  try {
    world.act(request, asker, tag);
  } catch (cause) {
    fault(cause);
    asker.answered(tag, asRefusal(cause), undefined);
  }
}

export function settle(
  { sessions, counts }: AskContext,
  seat: Seat,
  error: ThroughlineError | null,
  answer: ActAnswer | undefined,
): void {
  sessions.settle(seat);
  if (error === null) counts[answer?.duplicate === true ? 'duplicate' : 'issued']++;
  else if (error.kind === 'unknown') counts.unknown++;
  else if (error.kind === 'unavailable') counts.unavailable++;
  else counts[error.code === 'refused' ? 'refused' : 'failed']++;
}

/** One action for whoever waits for a promise. */
export function ask(context: AskContext, seat: Seat, request: ActRequest): Promise<ActAnswer> {
  return new Promise((resolve, reject) => {
    const answered: Asker['answered'] = (_, error, answer) => {
      settle(context, seat, error, answer);
      if (error === null) resolve(answer as ActAnswer);
      else reject(error);
    };
    hand(context, request, { answered }, 0);
  });
}
