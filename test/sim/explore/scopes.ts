import { type Scope, SMALLEST } from './scope.ts';

export interface Named {
  readonly name: string;
  readonly scope: Scope;
}

const named = (name: string, part: Partial<Scope>): Named => ({ name, scope: { ...SMALLEST, ...part } });

/** Explored whole on every change, in seconds each. */
export const ALWAYS: readonly Named[] = [
  named('3x1x3-taught', { leaders: 3, taught: true }),
  named('3x1x3-restart', { leaders: 3, restarts: 1 }),
  named('3x1x2-rounds', { rounds: 2 }),
  named('3x2x2-marks', { numbers: 2, lazyMarks: true }),
  named('3x2x2-window1', { numbers: 2, window: 1 }),
  named('3x2x2-all-restart', { numbers: 2, voting: 'all', restarts: 1 }),
  named('3x2x3', { numbers: 2, leaders: 3 }),
  named('5x1x2', { devices: 5 }),
  named('3x1x2-ahead', { restarts: 1, ahead: 2 }),
  named('3x2x2-restarts', { numbers: 2, restarts: 2 }),
];

/**
 * What `npm run explore` goes through, in this order: first the sizes that PROTOCOL 16.2 calls feasible, then each other dimension at
 * the largest size that ends, then sizes that may not end.
 */
export const LIST: readonly Named[] = [
  named('3x1x3-restarts', { leaders: 3, restarts: 2 }),
  named('3x2x2-restarts', { numbers: 2, restarts: 2 }),
  named('3x2x3', { numbers: 2, leaders: 3 }),
  named('3x2x2-all', { numbers: 2, voting: 'all' }),
  named('3x3x2-restart', { numbers: 3, restarts: 1 }),
  named('3x3x2-window1', { numbers: 3, restarts: 1, window: 1 }),
  named('3x3x2-window2', { numbers: 3, restarts: 1, window: 2 }),
  named('3x2x2-ahead1', { numbers: 2, restarts: 1, ahead: 1 }),
  named('3x2x2-all-restart', { numbers: 2, voting: 'all', restarts: 1 }),
  named('3x2x2-taught', { numbers: 2, taught: true, restarts: 1 }),
  named('3x1x3-ahead2', { leaders: 3, restarts: 2, ahead: 2 }),
  named('5x1x3', { devices: 5, leaders: 3 }),
  named('3x2x2-rounds', { numbers: 2, rounds: 2 }),
  named('3x2x3-restart', { numbers: 2, leaders: 3, restarts: 1 }),
  named('3x3x2-all', { numbers: 3, voting: 'all' }),
  named('3x2x3-all', { numbers: 2, leaders: 3, voting: 'all' }),
  named('3x2x2-marks', { numbers: 2, restarts: 2, lazyMarks: true }),
  named('3x2x2-all-ahead', { numbers: 2, restarts: 1, ahead: 1, voting: 'all' }),
  named('3x2x3-all-restart', { numbers: 2, leaders: 3, voting: 'all', restarts: 1 }),
  named('3x3x3', { numbers: 3, leaders: 3 }),
  named('3x2x2-ahead2', { numbers: 2, restarts: 2, ahead: 2 }),
  named('5x2x2', { devices: 5, numbers: 2 }),
  named('3x2x3-ahead', { numbers: 2, leaders: 3, restarts: 1, ahead: 1 }),
  named('3x3x3-restart', { numbers: 3, leaders: 3, restarts: 1 }),
];
