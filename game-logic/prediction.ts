/**
 * What a client expects: its mirror with its own unconfirmed actions on top, by the same functions and the same overlay as on
 * the leader. Whatever the leader decides replaces it: after each confirmed command what is still open runs again.
 */
import type { Digest } from '../schemas/support/types.ts';
import { type RunnableDefinition, runnable } from './definition.ts';
import { PREDICTED_ACTIONS } from './limits.ts';
import type { Mirror } from './mirror.ts';
import { Overlay } from './overlay.ts';
import { failed, isVerdict, Transaction, type Verdict } from './transaction.ts';
import type { Environment, TableReader } from './types.ts';

export interface PredictedAction {
  readonly session: string;
  readonly sequence: number;
  readonly action: string;
  /** As ActionType.decode gives them. */
  readonly args: { readonly [name: string]: unknown };
}

export type Predicted = { readonly kind: 'predicted' /** JSON text. */; readonly result: string } | Verdict;

/** Above every number: predicted rows come last in a table until the leader's command gives them their place. */
const AHEAD = Number.MAX_SAFE_INTEGER;
/** Timers are the servers' business: setting and cancelling them has no effect here. */
const NO_TIMERS = { size: 0, get: () => undefined };

export class Prediction {
  private readonly definition: RunnableDefinition;
  private overlay: Overlay;
  private transaction: Transaction;
  private open: PredictedAction[] = [];

  constructor(mirror: Mirror) {
    this.definition = runnable(mirror.definition);
    this.overlay = new Overlay(mirror);
    this.transaction = this.transactionOn(this.overlay);
  }

  private transactionOn(overlay: Overlay): Transaction {
    return new Transaction(overlay, NO_TIMERS, this.definition.timers);
  }

  /** Actions not settled yet. */
  get pending(): number {
    return this.open.length;
  }

  /** Of the predicted tables. */
  get digest(): Digest {
    return this.overlay.digest;
  }

  table(name: string): TableReader | undefined {
    return this.overlay.named(name);
  }

  /**
   * Runs an action on the prediction and keeps it until it is settled. A no may turn into a yes when it runs again; at most
   * PREDICTED_ACTIONS are kept, others answer `overloaded` and are not predicted.
   */
  act(action: PredictedAction, environment: Environment): Predicted {
    if (this.open.length >= PREDICTED_ACTIONS)
      return failed('overloaded', `${PREDICTED_ACTIONS} actions are predicted already`);
    this.open.push(action);
    return this.run(action, environment);
  }

  /** The action was confirmed, refused or given up; takes effect with the next rebase. False if it is not open. */
  settle(sequence: number): boolean {
    const place = this.open.findIndex((action) => action.sequence === sequence);
    if (place < 0) return false;
    this.open.splice(place, 1);
    return true;
  }

  /** The mirror has moved on: what is open runs again on it. To be called before the prediction is read again. */
  rebase(environment: Environment): void {
    this.overlay.reset();
    for (const action of this.open) this.run(action, environment);
  }

  /** The client starts again from a snapshot. */
  moveTo(mirror: Mirror, environment: Environment): void {
    this.overlay = new Overlay(mirror);
    this.transaction = this.transactionOn(this.overlay);
    this.rebase(environment);
  }

  private run(action: PredictedAction, environment: Environment): Predicted {
    const entry = this.definition.actions.get(action.action);
    if (entry === undefined) return failed('no-such-action', action.action);
    const { action: name, session } = action;
    const now = Math.trunc(environment.now);
    const occasion = { action: name, name, session, answers: true, number: 0, now, firing: 0 };
    const outcome = this.transaction.execute(occasion, environment, entry.run, action.args);
    if (isVerdict(outcome)) return outcome;
    this.overlay.install(outcome.changes, AHEAD);
    return { kind: 'predicted', result: outcome.result };
  }
}
