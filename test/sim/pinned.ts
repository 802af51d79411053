import type { Spec } from './run.ts';

/** A run that once failed. The name says what was wrong; the seed must never fail again. */
export interface Pinned extends Spec {
  readonly name: string;
}

export const PINNED: readonly Pinned[] = [
  { name: 'candidates of equal rank refused each other for ever', seed: 'b-45', steps: 4000, kind: 'timed' },
  { name: 'candidates of equal rank, two devices', seed: 'b-47', steps: 4000, kind: 'timed' },
  { name: 'a deaf candidate kept all others waiting', seed: 'a-18', steps: 4000, kind: 'timed' },
  { name: 'two deaf candidates kept all others waiting in turn', seed: 'b-688', steps: 4000, kind: 'timed' },
  {
    name: 'an action that changed nothing was not answered in a quiet world',
    seed: 'h-35',
    steps: 4000,
    kind: 'wild-world',
  },
  {
    name: 'a no was believed while another region still held a copy of the act',
    seed: 'strict-422',
    steps: 4000,
    kind: 'world',
  },
];
