import type { Ground, Mutant } from './hunt.ts';

const REGIONS: readonly Ground[] = [{ sim: 'world', runs: 200 }, { sim: 'wild-world' }];
/** A seed that shows it soon, where the first ones do not. */
const SEEN: Readonly<Record<string, string>> = {
  'a session ends soon after it left': 'mutant-40',
  'sessions never end': 'mutant-9',
};

const mutant = (name: string, file: string, find: string, replace: string): Mutant => ({
  ...{ name, source: 'own', hunt: REGIONS, edits: [{ file: `${file}.ts`, find, replace }] },
  ...(SEEN[name] === undefined ? {} : { seen: SEEN[name] }),
});

/** Joins, leaves, ends, ticks and timers. */
export const YARD: readonly Mutant[] = [
  mutant(
    'an action is run before its session has joined',
    'server/leader/leader',
    'const joining = this.joinFirst(current, turn, batch, request);',
    'const joining = undefined;',
  ),
  mutant(
    'whoever has no connection leaves at once',
    'server/leader/presence',
    'if (now - since < this.limits.graceMs) return undefined;',
    '',
  ),
  mutant(
    'a tick that failed is tried again without a pause',
    'server/leader/leader',
    "if (kind === 'failed') this.ticks.pause(turn.clock, LEADER_FAILURE_PAUSE_MS);",
    '',
  ),
  mutant(
    'ticks keep no beat',
    'server/leader/schedule',
    'if (this.next <= now) this.next = now + every;',
    'this.next = now + 1;',
  ),
  mutant('timers wait for ever', 'server/leader/leader', 'this.runTimers(current, turn, batch);', ''),
  mutant(
    'a session ends soon after it left',
    'server/leader/leader',
    'turn.now - session.time > this.limits.sessionIdleMs',
    'true',
  ),
  mutant('sessions never end', 'server/leader/leader', 'this.sweep(current, turn);', ''),
];
