import type { Ground, Mutant } from './hunt.ts';

const edit = (file: string, find: string, replace: string) => ({ file: `${file}.ts`, find, replace });
const REGIONS: readonly Ground[] = [{ sim: 'wild-world' }, { sim: 'world', runs: 100 }];
const CLIENTS: readonly Ground[] = [{ sim: 'world', runs: 300 }];
/** A seed that shows it soon, where the first ones do not. */
const SEEN: Readonly<Record<string, string>> = {
  'a refusal leaves before the leadership is confirmed': 'mutant-584',
  'functions run beyond the window': 'mutant-3',
  'a deposed leader goes on from the state it had': 'mutant-4',
  'a read is answered without asking the majority': 'mutant-17',
  'a sequence below an executed one is executed': 'mutant-24',
  'a request that is heard twice runs twice': 'mutant-5',
  'a client goes on one command too late': 'mutant-3',
  'an unknown outcome is taken for a definite no': 'mutant-9',
  'commands of an old connection are taken for those of the new one': 'mutant-16',
  'half a snapshot is finished by the next connection': 'mutant-84',
  'an answer without effect waits for a command that may never come': 'pin-3',
};
const seenOf = (name: string) => (SEEN[name] === undefined ? {} : { seen: SEEN[name] });
const mutant = (name: string, source: string, ...edits: Mutant['edits']): Mutant => ({
  ...{ name, source, edits, hunt: REGIONS, ...seenOf(name) },
});
const told = (name: string, source: string, story: string, ...edits: Mutant['edits']): Mutant => ({
  ...{ name, source, edits },
  hunt: [{ story }],
});
const client = (name: string, ...edits: Mutant['edits']): Mutant => ({
  ...{ name, source: 'own', edits, hunt: CLIENTS, ...seenOf(name) },
});

/** The leader's room: what may be said, and when (section 8). */
export const LEADER: readonly Mutant[] = [
  mutant(
    'a refusal leaves before what it was computed on is issued',
    '14 T70',
    edit('server/leader/answers', 'held.version > issued || ', ''),
  ),
  mutant(
    'a refusal leaves before the leadership is confirmed',
    '14 T71',
    edit(
      'server/leader/answers',
      'held.token > confirmed || (held.negative && !own)',
      'held.negative && !own',
    ),
  ),
  told(
    'a no leaves before a command of its own leadership is issued',
    'own, 8.5',
    'a no before a command of its own leadership',
    edit(
      'server/leader/answers',
      'held.token > confirmed || (held.negative && !own)',
      'held.token > confirmed',
    ),
  ),
  mutant(
    're-proposed commands are not in the leader state',
    '15, R5, A30: H not executed on LS',
    edit('server/leader/leader', 'leaderState.adopt(command.bytes);', ''),
  ),
  mutant(
    'functions run beyond the window',
    '14 T60',
    edit(
      'server/replica/world-host',
      'this.options.window - this.leader.version',
      '(this.options.window + 1) - this.leader.version',
    ),
  ),
  mutant(
    'a deposed leader goes on from the state it had',
    'own, R12',
    edit('server/replica/world-host', 'if (effects.deposed !== undefined) this.depose();', ''),
  ),
  mutant(
    'a read is answered without asking the majority',
    '14 T71',
    edit(
      'server/leader/leader',
      "answers.hold({ region, request, outcome: 'read', number: state.version }, state.version, this.token + 1);",
      "this.replies.push({ region, request, outcome: 'read', number: state.version });",
    ),
  ),
  mutant(
    'an answer without effect waits for a command that may never come',
    'own',
    edit(
      'server/replica/world-host',
      "if (reply.outcome === 'nothing') this.actions.reached(this.replica.number);",
      '',
    ),
  ),
];

/** Exactly once (8.3). */
export const EXACTLY_ONCE: readonly Mutant[] = [
  mutant(
    'an executed sequence is executed again',
    '14 T69',
    edit('game-logic/leader-state', 'sequence <= session.sequence) {', 'sequence < 0) {'),
  ),
  mutant(
    'a sequence below an executed one is executed',
    'own',
    edit(
      'game-logic/leader-state',
      "if (answer !== undefined) return { kind: 'duplicate', answer };\n      return failed(",
      "if (answer !== undefined) return { kind: 'duplicate', answer };\n      if (sequence < 0) return failed(",
    ),
  ),
  mutant(
    'a repeat is answered before its command is issued',
    '14 T72',
    edit(
      'server/leader/leader',
      'if (answer.number <= current.issued) this.replies.push(reply);\n      else',
      "if (answer.number > 0) this.replies.push({ ...to, outcome: 'nothing', number: current.issued, result: answer.result });\n      else",
    ),
  ),
  told(
    'an action meant for another leadership is run',
    'own, 8.1',
    'a late copy',
    edit(
      'server/replica/world-host',
      'if (this.leader.accepts !== 0) return this.leader.accepts === ballot;',
      'if (this.leader.accepts !== 0) return true;',
    ),
  ),
  told(
    'a no of an earlier leadership is believed',
    'own, 8.4',
    'a late no',
    edit(
      'server/replica/pending-actions',
      'pending === undefined || pending.ballot !== ballot',
      'pending === undefined',
    ),
  ),
  mutant(
    'a request that is heard twice runs twice',
    '14 T66',
    edit('server/leader/leader', 'if (this.queue.has(request)) return;', ''),
    edit('server/leader/leader', "if (known === 'wait') return;", ''),
    edit('server/leader/leader', 'if (known !== undefined) {', 'if (known === null) {'),
  ),
];

/** The client's session and mirror: every command once, in order, across reconnects; acts with one sequence for ever. */
export const RESUME: readonly Mutant[] = [
  client(
    'an act is sent again under a new sequence',
    edit(
      'client/outstanding',
      'entry.doubtful ||= entry.everSent;',
      'if (entry.everSent) entry.sequence = this.#next++;',
    ),
  ),
  client(
    'a client goes on one command too late',
    edit(
      'client/session',
      'this.#resumable ? this.#number + 1 : null',
      'this.#resumable ? this.#number + 2 : null',
    ),
  ),
  client(
    'a client goes on one command too early and takes it twice',
    edit(
      'client/session',
      'this.#resumable ? this.#number + 1 : null',
      'this.#resumable ? Math.max(1, this.#number) : null',
    ),
    edit('client/session', 'if (last <= this.#number && startsHere) return false;', ''),
    edit('client/session', 'first !== this.#number + 1 || !startsHere', '!startsHere'),
  ),
  client(
    'an answer settles an act before its command is applied here',
    edit('client/outstanding', 'if (answer.number <= applied) return', 'if (answer.number > 0) return'),
  ),
  client(
    'an unknown outcome is taken for a definite no',
    edit('client/outstanding', "answer.outcome === 'unknown' ||\n", 'answer.sequence < 0 ||\n'),
  ),
  client(
    'acts are sent out of order after a reconnect',
    edit('client/outstanding', 'if (entry.retryAt > now) break;', 'if (entry.retryAt > now) continue;'),
  ),
  client(
    'commands of an old connection are taken for those of the new one',
    edit(
      'client/session',
      'event.connection === this.#connection) this.#handle',
      'event.connection > 0) this.#handle',
    ),
  ),
  told(
    'a page that is loaded anew takes sequences of an earlier life',
    'own',
    'lives of one page',
    edit(
      'client/session',
      'Math.max(executed + RESUME_GAP, Math.floor(resumedAt) * SEQUENCES_PER_MS)',
      'executed + RESUME_GAP',
    ),
  ),
  told(
    'acts are numbered before the client knows which sequences are taken',
    'own',
    'lives of one page',
    edit('client/outstanding', 'sequence: 0,', 'sequence: this.#next++,'),
  ),
  told(
    'a client whose acts are given up stays with a deaf region',
    'own',
    'a deaf region',
    edit(
      'client/outstanding',
      'if (!issued) this.#overdue ??= sentAt;',
      'if (!issued && !sentAt) this.#overdue ??= sentAt;',
    ),
  ),
  told(
    'a no is believed while a region that was left may hold a copy',
    'own',
    'a no beside a copy',
    edit(
      'client/outstanding',
      'isDefinite(answer, entry.doubtful) ? verdict(answer) : doubted(verdict(answer))',
      'verdict(answer)',
    ),
  ),
  client(
    'a snapshot that is older than what is here is taken',
    edit('client/session', 'if (this.#resumable && snapshot.number <= this.#number) return;', ''),
  ),
  client(
    'half a snapshot is finished by the next connection',
    edit('client/link', 'this.#parts.reset();', ''),
    edit('client/snapshot-parts', 'if (part.part === 0) {', 'if (part.part === 0 && this.#head === null) {'),
  ),
];
