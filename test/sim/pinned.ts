import type { Spec } from './run.ts';

/** A run that once failed. The name says what was wrong; the seed must never fail again, and fails with the fault put back. */
export interface Pinned extends Spec {
  readonly name: string;
  /** Name of the mutant that is the fault. */
  readonly fault: string;
}

export const PINNED: readonly Pinned[] = [
  {
    name: 'candidates of equal rank refused each other for ever',
    fault: 'candidates of equal rank refuse each other',
    ...{ seed: 'pin-17', steps: 4000, kind: 'timed' },
  },
  {
    name: 'a deaf candidate kept all others waiting',
    fault: 'a candidate that nobody reaches delays the others for ever',
    ...{ seed: 'pin-49', steps: 4000, kind: 'timed' },
  },
  {
    name: 'an action that changed nothing was not answered in a quiet world',
    fault: 'an answer without effect waits for a command that may never come',
    ...{ seed: 'pin-3', steps: 4000, kind: 'wild-world' },
  },
];
