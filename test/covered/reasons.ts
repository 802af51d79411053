/** Why a line of code is not reached by simulator and stories, found by a part of its text, so that it moves with the line. */
interface Reason {
  readonly file: string;
  readonly text: string;
  readonly why: string;
}

const consensus = (file: string, text: string, why: string): Reason => ({
  file: `server/consensus/${file}.ts`,
  text,
  why,
});
const leader = (file: string, text: string, why: string): Reason => ({
  file: `server/leader/${file}.ts`,
  text,
  why,
});

const OTHERWISE = 'its callers have looked already; for the type, and for callers to come';
const LARGE = 'needs more than a simulated run holds; the tests of the room reach it';
const DEFINITION = 'the definition that the tests compare the fast form with';
const TO_COMPARE = 'copies and texts of a state are for exploration, whose answers fit one page';

const REASONS: readonly Reason[] = [
  consensus('catch-up', 'state.asked !== null', OTHERWISE),
  consensus('catch-up', 'CATCH_UP_PARTS', LARGE),
  consensus('catch-up', 'asked.lasts.push', LARGE),
  consensus('catch-up', 'return { from, max: part }', LARGE),
  consensus('consensus', "paxos.role.kind !== 'leading'", OTHERWISE),
  consensus('core', 'lease === null', OTHERWISE),
  consensus('info', 'command === undefined', OTHERWISE),
  consensus('leader', 'known ?? []', OTHERWISE),
  consensus('leader', "role.kind !== 'leading'", OTHERWISE),
  consensus('learner', 'at(role.chain, number) !== undefined', 'a leader has voted for what it has begun'),
  consensus('learner', 'own?.born === born', 'a leader has voted for what it has begun'),
  consensus(
    'learner',
    'agreesWithChain(paxos.role, command)',
    'with votes in the way it was deposed before; stays as a fence (I18)',
  ),
  consensus('learner', 'CATCH_UP_ANSWER_BYTES', LARGE),
  consensus('learner', 'paxos.mark !== null', 'whoever named the mark is asked in the same step'),
  consensus('numbered', 'at(list, number) !== undefined', OTHERWISE),
  consensus('on-tick', 'core.lease !== null', OTHERWISE),
  consensus('on-tick', 'attempt === null', OTHERWISE),
  consensus('on-tick', 'election.now ?? 0', OTHERWISE),
  consensus('output-gate', 'write > this.durable', 'disks of simulator and stories tell each write once'),
  consensus('output-gate', 'this.waiting.length', 'for tests of the gate alone'),
  consensus('paxos-state', 'partial', TO_COMPARE),
  consensus('paxos-state', 'mark.born', TO_COMPARE),
  consensus('paxos-state', 'part.info', TO_COMPARE),
  consensus('quorum', 'const all', DEFINITION),
  consensus('quorum', 'let sum', DEFINITION),
  consensus('quorum', 'new Set(devices)', DEFINITION),
  consensus('quorum', '2 * sum > all', DEFINITION),
  consensus('quorum', 'Math.clz32', OTHERWISE),
  consensus('tally', "'dropped'", LARGE),
  consensus('tally', 'TALLY_RANGES', LARGE),
  consensus('tally', 'range.last >= number', OTHERWISE),
  consensus('votes', 'VOTES_PER_NUMBER', LARGE),
  consensus('votes', 'a.bytes === b.bytes', 'what comes again comes as the same command, or as other bytes'),
  consensus('voting', 'step.votes.ballot === ballot', 'one step votes once'),
  leader('leader', 'state.version ?? 0', OTHERWISE),
  leader('leader', 'this.current?.state;', 'for the tests of this room'),
  leader('leader', 'this.current === null', OTHERWISE),
  leader('leader', 'current === null', 'the host gives a turn to a leader only'),
  leader('leader', 'this.timersFrom', 'a timer of this runtime is used up even where its function fails'),
  leader('leader', "kind: 'timer'", 'a timer of this runtime is used up even where its function fails'),
  leader('leader', 'return;', 'a timer of this runtime is used up even where its function fails'),
  leader('presence', '?? NOBODY', OTHERWISE),
  leader('queue', 'line === null', OTHERWISE),
  leader('schedule', 'this.everyMs ?? 0', OTHERWISE),
];

/** undefined: nobody has looked into it yet. */
export function reasonOf(file: string, text: string): string | undefined {
  return REASONS.find((reason) => reason.file === file && text.includes(reason.text))?.why;
}
