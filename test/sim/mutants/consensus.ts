import type { Mutant } from './hunt.ts';

const dir = 'server/consensus';
const edit = (file: string, find: string, replace: string) => ({ file: `${dir}/${file}.ts`, find, replace });

/** The three places where the patent's text, taken literally, breaks agreement (section 2). */
export const LITERAL: readonly Mutant[] = [
  {
    name: 'only the latest vote of a number is kept',
    source: '2.1, 15',
    edits: [
      edit(
        'votes',
        'put(votes, command.number, ordered([...all, { ballot, command }]));\n    return',
        'put(votes, command.number, { ballot, command });\n    return',
      ),
    ],
    hunt: [{ explore: { numbers: 2, leaders: 3 } }],
  },
  {
    name: 'a command is named by its content, or by its content and history',
    source: '2.2, 15: identity by content or hash chain',
    edits: [
      edit(
        'leader',
        `for (const command of commands) {
    if (command.number !== role.next || command.born !== ballot || command.precedent !== precedent)`,
        `for (const made of commands) {
    const born = made.number === 1 ? paxos.setup.config.devices : ballot;
    const command = { ...made, born, precedent };
    if (command.number !== role.next)`,
      ),
      edit('leader', 'role.next += 1;\n    precedent = ballot;', 'role.next += 1;\n    precedent = born;'),
    ],
    hunt: [{ explore: { numbers: 2, leaders: 3, resent: true } }],
  },
  {
    name: 'the most recent vote is taken and then tested',
    source: '2.3',
    edits: [
      edit('history', 'if (vote.command.precedent !== precedent) continue;', ''),
      edit(
        'history',
        'return latest;',
        'return latest?.command.precedent === precedent ? latest : undefined;',
      ),
    ],
    hunt: [{ explore: { numbers: 2, leaders: 3 } }],
  },
];

/** What else the protocol forbids: sections 6, 13, 14 and 15. */
export const CONSENSUS: readonly Mutant[] = [
  {
    name: 'a new leader takes the latest vote without asking for its precedent',
    source: '15, R5: anchored condition dropped',
    seen: 'mutant-36',
    edits: [edit('history', 'if (vote.command.precedent !== precedent) continue;', '')],
  },
  {
    name: 'a new leader takes any anchored vote instead of the latest',
    source: '15, R5',
    edits: [edit('history', 'vote.ballot > latest.ballot', 'vote.ballot < latest.ballot')],
  },
  {
    name: 'issued without its precedent',
    source: '15, R11',
    edits: [
      edit(
        'learner',
        'if (command === undefined || command.precedent !== paxos.born) break;',
        'if (command === undefined) break;',
      ),
      edit(
        'learner',
        'if (number !== paxos.upTo + 1 || precedent !== paxos.born)',
        'if (number !== paxos.upTo + 1)',
      ),
    ],
  },
  {
    name: 'a vote is announced before it is durable',
    source: '15, R10',
    edits: [edit('voting', 'type Step, sendWritten }', 'type Step, send as sendWritten }')],
  },
  {
    name: 'a promise is announced before it is durable',
    source: '15, R2',
    edits: [
      edit(
        'follower',
        'for (const page of makeInfo(paxos, ballot, from)) sendWritten(',
        'for (const page of makeInfo(paxos, ballot, from)) send(',
      ),
    ],
  },
  {
    name: 'a ballot is begun before lastTried is durable',
    source: '14 T50, R1',
    edits: [
      edit(
        'leader',
        "sendWritten(step, to, { kind: 'next-ballot', ballot, from: paxos.upTo + 1 });",
        "step.sends.push({ to, message: { kind: 'next-ballot', ballot, from: paxos.upTo + 1 }, after: 0 });",
      ),
    ],
    hunt: [{ sim: 'wild' }],
  },
  {
    name: 'a leader counts its own promise before it is durable',
    source: 'own, A22',
    edits: [
      edit(
        'leader',
        'sendWritten(step, self, page)',
        'step.sends.push({ to: self, message: page, after: 0 })',
      ),
    ],
    hunt: [{ sim: 'wild' }],
  },
  {
    name: 'the gate holds nothing back',
    source: 'own, I10',
    edits: [edit('output-gate', 'if (held === 0) return sends;', 'return sends;')],
  },
  {
    name: 'the write of a vote is lost',
    source: '14 T47',
    edits: [edit('voting', 'step.votes = { ballot, commands: fresh };', '{}')],
  },
  {
    name: 'the write of a promise is lost',
    source: '14 T48',
    edits: [
      edit(
        'paxos-step',
        'write.ballots = { lastTried, nextBal }',
        'write.ballots = { lastTried, nextBal: step.before.nextBal }',
      ),
    ],
  },
  {
    name: 'the write of lastTried is lost',
    source: '14 T50',
    edits: [
      edit(
        'paxos-step',
        'write.ballots = { lastTried, nextBal }',
        'write.ballots = { lastTried: step.before.lastTried, nextBal }',
      ),
    ],
  },
  {
    name: 'a leader begins the same ballot again',
    source: '15, A20: ballot reused',
    edits: [
      edit(
        'leader',
        'leastAbove(Math.max(paxos.lastTried, paxos.nextBal, paxos.seen), self',
        'leastAbove(Math.max(paxos.lastTried, paxos.nextBal, paxos.seen) - 1, self',
      ),
    ],
  },
  {
    name: 'votes are marked issued without the log entry',
    source: '15, 14 T51: votes deleted before the log is durable',
    edits: [
      edit(
        'learner',
        'if (votedFor(paxos.votes, number, born) === undefined) step.learned.push(command);',
        '',
      ),
    ],
  },
  {
    name: 'a repeated vote counts as another device',
    source: '15, 14 T34: a voter counted twice',
    seen: 'mutant-3',
    edits: [
      edit(
        'tally',
        'const merged = merge(',
        `if (top.last >= range.last) entry.voters[(device + 1) % devices] = [{ ...range, first }];
  const merged = merge(`,
      ),
    ],
  },
  {
    name: 'votes of different ballots are added',
    source: '15, 14 T35',
    seen: 'mutant-3',
    edits: [
      edit('tally', 'if (found?.ballot === ballot) return found;', 'if (found !== undefined) return found;'),
    ],
  },
  {
    name: 'half of the weight is a majority',
    source: '15, 14 T76',
    edits: [
      edit(
        'quorum',
        'sum += weights[31 - Math.clz32(rest & -rest)] ?? 0;\n    return 2 * sum > all;',
        'sum += weights[31 - Math.clz32(rest & -rest)] ?? 0;\n    return 2 * sum >= all;',
      ),
    ],
    hunt: [{ explore: { devices: 4 } }, { sim: 'wild' }],
  },
  {
    name: 'the next command number is one too high',
    source: '15, A5: nextNo + 1',
    edits: [edit('leader', 'next: upTo + 1 + history.length', 'next: upTo + 2 + history.length')],
  },
  {
    name: 'the next command number is one too low',
    source: '15, A5: nextNo - 1',
    edits: [edit('leader', 'next: upTo + 1 + history.length', 'next: upTo + Math.max(history.length, 1)')],
    hunt: [{ explore: { numbers: 2 } }, { sim: 'wild' }],
  },
  {
    name: 'votes are sampled after the issued commands of an answer',
    source: '15, A7: D sampled before V',
    seen: 'mutant-36',
    edits: [
      edit(
        'info',
        'fill(issuedFrom(paxos, from), messageBytes)',
        'fill(issuedFrom(paxos, from, Math.max(0, paxos.marked + 1 - from)), messageBytes)',
      ),
      edit(
        'info',
        'upTo: paxos.upTo,\n    born: paxos.born,',
        'upTo: paxos.marked,\n    born: paxos.marked === paxos.upTo ? paxos.born : (issuedAt(paxos.tail, paxos.marked)?.born ?? 0),',
      ),
    ],
  },
  {
    name: 'issued numbers that no message carries are not waited for',
    source: '15, A6: compacted numbers not reported',
    seen: 'mutant-11',
    edits: [
      edit('leader', 'if (info === null || info.upTo > upTo) continue;', 'if (info === null) continue;'),
    ],
  },
  {
    name: 'an answer to an earlier ballot counts',
    source: '15, 14 T44: stale BallotInfo',
    edits: [
      edit(
        'leader',
        "if (role.kind === 'preparing' && role.ballot === ballot) record(",
        "if (role.kind === 'preparing') record(",
      ),
    ],
    hunt: [{ explore: { rounds: 2, numbers: 1, leaders: 2 } }, { sim: 'wild' }],
  },
  {
    name: 'a device leaves out votes for what it knows to be issued above a hole',
    source: '15, A4: H ends at a known issued number',
    seen: 'mutant-166',
    edits: [
      edit(
        'info',
        'for (const vote of allVotes(paxos.votes)) {',
        'for (const vote of allVotes(paxos.votes)) {\n    if (at(paxos.early, vote.command.number) !== undefined) continue;',
      ),
    ],
    hunt: [{ sim: 'wild' }, { explore: { numbers: 2, taught: true } }],
  },
  {
    name: 'votes above a hole are not reported',
    source: '14 T26, A35',
    seen: 'mutant-36',
    edits: [
      edit(
        'info',
        'for (const vote of allVotes(paxos.votes)) {',
        'for (const vote of allVotes(paxos.votes)) {\n    if (vote.command.number > paxos.upTo + 1 && at(paxos.votes, vote.command.number - 1) === undefined) break;',
      ),
    ],
    hunt: [{ sim: 'wild' }],
  },
  {
    name: 'a vote below the promise',
    source: '14 T38',
    seen: 'mutant-3',
    edits: [
      edit(
        'follower',
        'if (ballot < paxos.nextBal) {\n    send(step, from',
        'if (ballot < 0) {\n    send(step, from',
      ),
      edit(
        'voting',
        "if (ballot < nextBal) fail('I2', 'a vote below the promise', { ballot, nextBal });",
        '',
      ),
      edit('voting', 'paxos.nextBal = ballot;', 'paxos.nextBal = Math.max(ballot, nextBal);'),
    ],
  },
  {
    name: 'a promise below the promise',
    source: 'own, R2',
    seen: 'mutant-65',
    edits: [
      edit(
        'follower',
        'if (ballot < paxos.nextBal) {\n    send(step, p,',
        'if (ballot < 0) {\n    send(step, p,',
      ),
      edit('follower', 'paxos.nextBal = ballot;', 'paxos.nextBal = Math.max(ballot, paxos.nextBal);'),
    ],
  },
  {
    name: 'a vote is not a promise',
    source: '14 T39',
    edits: [edit('voting', 'paxos.nextBal = ballot;', '')],
  },
  {
    name: 'a leader goes on after it learned that it is deposed',
    source: '14 T52',
    edits: [
      edit(
        'role',
        'return at(role.chain, number)?.born === born;',
        'return role !== null || number === born;',
      ),
    ],
    hunt: [{ explore: { taught: true } }],
  },
  {
    name: 'the host is not told of a deposition',
    source: 'own, R12',
    edits: [edit('role', "if (role.kind === 'leading') step.deposed = role.ballot;", '')],
    hunt: [{ sim: 'wild' }, { sim: 'timed' }],
  },
  {
    name: 'a re-proposed command gets the new ballot as its name',
    source: 'own, R6',
    edits: [
      edit(
        'leader',
        'put(chain, command.number, command);',
        'put(chain, command.number, { ...command, born: ballot });',
      ),
    ],
  },
  {
    name: 'the window does not hold for re-proposed commands',
    source: '14 T61',
    seen: 'mutant-168',
    edits: [edit('leader', 'Math.min(role.next - 1, upTo + window)', '(window, role.next - 1)')],
    hunt: [{ sim: 'wild' }, { sim: 'timed' }],
  },
  {
    name: 'a command is looked up by number alone',
    source: '14 T84',
    edits: [edit('votes', 'if (vote.command.born === born) return vote.command;', 'return vote.command;')],
  },
  {
    name: 'pages of two answers are mixed',
    source: '14 T59',
    seen: 'mutant-1056',
    edits: [edit('leader', 'partial.info !== info || ', '')],
    hunt: [{ sim: 'wild', runs: 2500 }],
  },
  {
    name: 'leadership is confirmed without asking',
    source: '14 T71',
    seen: 'mutant-3',
    edits: [edit('lease', 'if (!isMajority(proof)) return token;', 'if (proof < 0) return token;')],
    hunt: [{ sim: 'wild' }, { sim: 'timed' }],
  },
  {
    name: 'an acknowledgement from before the question confirms leadership',
    source: '14 T71',
    seen: 'mutant-4',
    edits: [edit('lease', 'sequence: lease.sequence + 1, begun', 'sequence: lease.sequence, begun')],
    hunt: [{ sim: 'wild' }, { sim: 'timed' }],
  },
  {
    name: 'candidates of equal rank refuse each other',
    source: 'own, 11',
    seen: 'mutant-4',
    edits: [edit('election', 'rankOfA === rankOfB ? a < b : rankOfA < rankOfB', 'rankOfA < rankOfB')],
    hunt: [{ sim: 'timed' }],
  },
  {
    name: 'a candidate that nobody reaches delays the others for ever',
    source: 'own, 11',
    seen: 'mutant-210',
    edits: [edit('election', 'if ((election.tried & (1 << device)) !== 0) return;', '')],
    hunt: [{ sim: 'timed' }],
  },
  {
    name: 'nobody asks for what it lacks',
    source: '14 T56, R13',
    edits: [
      edit(
        'core',
        "send(step, teacher, { kind: 'catch-up'",
        "if (paxos.upTo < 0) send(step, teacher, { kind: 'catch-up'",
      ),
    ],
    hunt: [{ sim: 'timed' }],
  },
  {
    name: 'a lost BeginBallot is not repeated',
    source: '14 T45, 11',
    seen: 'mutant-7',
    edits: [
      edit(
        'leader',
        "sendProposal(step, to, { kind: 'begin-ballot'",
        "if (upTo < 0) sendProposal(step, to, { kind: 'begin-ballot'",
      ),
    ],
    hunt: [{ sim: 'timed' }],
  },
];
