import { ownerOf, roundOf } from './ballot.ts';
import { noteIssued, noteKnown } from './catch-up.ts';
import { act, type Core, catchUpFrom } from './core.ts';
import { answered, grant, grants, heardLeader, precedes, promised } from './election.ts';
import { acknowledged, votedInBallot } from './lease.ts';
import { agreed, agrees, disagreed } from './on-rest.ts';
import type { AgreementMessage } from './paxos.ts';
import { type Step, send, sendWritten } from './paxos-step.ts';
import type { Ballot, Device, Message } from './types.ts';

type Of<Kind extends Message['kind']> = Extract<Message, { kind: Kind }>;

/** A message of another device, or of this one to itself. */
export function onMessage(core: Core, step: Step, from: Device, message: Message): void {
  switch (message.kind) {
    case 'heartbeat':
      onHeartbeat(core, step, from, message);
      break;
    case 'heartbeat-ack':
      onHeartbeatAck(core, step, from, message);
      break;
    case 'pre-vote':
      onPreVote(core, step, from, message);
      break;
    case 'pre-vote-answer':
      onPreVoteAnswer(core, step, from, message);
      break;
    case 'take-over':
      onTakeOver(core, step, from, message.ballot);
      break;
    default:
      act(core, step, { kind: 'message', from, message });
      noteAgreement(core, step, from, message);
  }
}

/** What messages of the agreement core say about who leads, who is alive, and who knows more. */
function noteAgreement(core: Core, step: Step, from: Device, message: AgreementMessage): void {
  const { config, paxos, election, catchUp, lease } = core;
  switch (message.kind) {
    case 'next-ballot':
      if (from !== config.self && paxos.nextBal === message.ballot && owns(core, from, message.ballot))
        promised(election, config, from);
      break;
    case 'begin-ballot':
      heard(core, from, message.ballot);
      break;
    case 'voted':
      if (lease !== null && paxos.role.kind === 'leading' && paxos.role.ballot === message.ballot) {
        const highest = message.ranges.reduce((top, { last }) => Math.max(top, last), 0);
        votedInBallot(lease, from, highest, election.clock);
      }
      break;
    case 'ballot-info':
      noteKnown(catchUp, from, message.upTo);
      catchUpFrom(core, step, from);
      break;
    case 'success':
      for (const { last } of message.ranges) noteKnown(catchUp, from, last);
      catchUpFrom(core, step, from);
      break;
    case 'issued':
      noteKnown(catchUp, from, message.upTo);
      noteIssued(catchUp, from, message.commands, paxos.upTo, election.clock);
      catchUpFrom(core, step, from);
      break;
    default:
      break;
  }
}

function owns({ config }: Core, device: Device, ballot: Ballot): boolean {
  return ownerOf(ballot, config.devices) === device;
}

/** A sign of life of the leader of `ballot`, unless this device promised a higher one, or has a part in it itself. */
function heard(core: Core, from: Device, ballot: Ballot): void {
  const { config, paxos, election } = core;
  if (from === config.self || ballot < paxos.nextBal || paxos.role.kind !== 'follower') return;
  // Two may believe to lead; this device stays with the later one.
  if (election.leader !== null && ballot < election.leader.ballot) return;
  if (!owns(core, from, ballot)) return;
  heardLeader(election, config, from, ballot);
  core.rest.trusting = false;
}

function onHeartbeat(core: Core, step: Step, from: Device, message: Of<'heartbeat'>): void {
  const { paxos, catchUp } = core;
  const { ballot, upTo, born, sequence } = message;
  if (!owns(core, from, ballot)) {
    step.alarms.push(`I13: heartbeat of ballot ${ballot} from device ${from}`);
    return;
  }
  act(core, step, { kind: 'mark', from, upTo, born });
  if (ballot >= paxos.nextBal) act(core, step, { kind: 'ballot', ballot });
  heard(core, from, ballot);
  noteKnown(catchUp, from, upTo);
  // With a higher promise in it this is MyNextBal as well.
  const ack = { kind: 'heartbeat-ack', ballot, nextBal: paxos.nextBal, upTo: paxos.upTo, sequence } as const;
  // Who rests leaves nothing unwritten behind.
  if (agrees(core, step, from, message)) sendWritten(step, from, { ...ack, rest: true });
  else send(step, from, { ...ack, rest: false });
  catchUpFrom(core, step, from);
}

function onHeartbeatAck(core: Core, step: Step, from: Device, message: Of<'heartbeat-ack'>): void {
  const { paxos, catchUp, lease, election } = core;
  const { ballot, nextBal, upTo, sequence, rest } = message;
  noteKnown(catchUp, from, upTo);
  if (nextBal > ballot)
    act(core, step, { kind: 'message', from, message: { kind: 'my-next-bal', ballot: nextBal } });
  else if (lease !== null && paxos.role.kind === 'leading' && paxos.role.ballot === ballot) {
    acknowledged(lease, from, sequence, election.clock);
    if (rest) agreed(core, step, from, sequence, upTo);
    else disagreed(core, from, sequence);
  }
}

function onPreVote(core: Core, step: Step, from: Device, { round, upTo }: Of<'pre-vote'>): void {
  const { config, paxos, election, catchUp } = core;
  noteKnown(catchUp, from, upTo);
  // A candidate far behind would have to catch up before it could lead; this device, or another, is the better one.
  const slack = Math.max(config.window, config.tailCommands);
  const behind = paxos.upTo > upTo + slack;
  // Of two that ask at once the better-ranked one goes on, unless it is the one behind.
  const yields = election.asking === null || precedes(config, from, config.self) || upTo > paxos.upTo + slack;
  const free = paxos.role.kind === 'follower' && !behind && yields;
  const granted = free && grants(election, config, from);
  if (granted) grant(election, config, from);
  else if (free) election.refused = { device: from, round };
  send(step, from, { kind: 'pre-vote-answer', round, granted });
  // It needs a ballot above this device's promise, and should know that it is behind: its leader may not reach it.
  if (round <= roundOf(paxos.nextBal, config.devices))
    send(step, from, { kind: 'my-next-bal', ballot: paxos.nextBal });
  if (upTo < paxos.upTo) send(step, from, { kind: 'issued', upTo: paxos.upTo, commands: [] });
}

function onPreVoteAnswer(core: Core, step: Step, from: Device, message: Of<'pre-vote-answer'>): void {
  const { paxos, election } = core;
  if (paxos.role.kind !== 'follower') return;
  const voters = answered(election, from, message.round, message.granted);
  if (paxos.setup.isMajority(voters)) act(core, step, { kind: 'lead' });
}

/** Planned: the leader of `ballot` asks this device to begin one, without pre-vote. */
function onTakeOver(core: Core, step: Step, from: Device, ballot: Ballot): void {
  const { config, paxos } = core;
  if (!owns(core, from, ballot) || from === config.self) return;
  if (paxos.role.kind === 'follower' && ballot >= paxos.nextBal) act(core, step, { kind: 'lead' });
}
