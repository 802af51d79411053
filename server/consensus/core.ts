import { type CatchUp, createCatchUp, nextPart } from './catch-up.ts';
import { createElection, type Election, lead, retreat } from './election.ts';
import type { HandOver } from './hand-over.ts';
import { createLease, type Lease } from './lease.ts';
import { DOUBLINGS } from './limits.ts';
import { type PaxosInput, take } from './paxos.ts';
import { createPaxos, type Paxos } from './paxos-state.ts';
import { type Step, send } from './paxos-step.ts';
import { createRest, type Rest, wake } from './rest.ts';
import type { Ballot, ConsensusConfig, Device, Durable } from './types.ts';

/** An attempt to become active in a ballot: NextBallot is repeated, and after a while without progress it is given up. */
interface Attempt {
  readonly ballot: Ballot;
  readonly patience: number;
  /** Progress is catching up with what the answers know (R4). */
  upTo: number;
  since: number;
  repeatAt: number;
  delay: number;
}

/** Everything one device is: the agreement core and what drives it. Plain data but for `paxos.setup`. */
export interface Core {
  /** With the time-outs that suit the way to the other devices (`stretched`). */
  config: ConsensusConfig;
  readonly timing: ConsensusConfig['timing'];
  roundTrip: number;
  readonly paxos: Paxos;
  readonly election: Election;
  readonly catchUp: CatchUp;
  readonly rest: Rest;
  /** While leading. */
  lease: Lease | null;
  handOver: HandOver | null;
  /** While preparing. */
  attempt: Attempt | null;
}

/** Parts of a step's effects that the agreement core knows nothing about. */
export interface Extra {
  confirmed: number | null;
  paused: boolean | null;
}

export function createCore(config: ConsensusConfig, durable: Durable): Core {
  return {
    config,
    timing: config.timing,
    roundTrip: 0,
    paxos: createPaxos(config, durable),
    election: createElection(config),
    catchUp: createCatchUp(config),
    rest: createRest(),
    lease: null,
    handOver: null,
    attempt: null,
  };
}

/** A part of this step for the agreement core, and what a change of role means for everything around it. */
export function act(core: Core, step: Step, input: PaxosInput): void {
  const { config, paxos, election } = core;
  const before = paxos.role;
  take(paxos, step, input);
  const { role } = paxos;
  if (role === before) return;
  wake(core);
  core.lease = null;
  core.handOver = null;
  core.attempt = null;
  if (role.kind === 'follower') retreat(election, config);
  else if (role.kind === 'preparing') beginAttempt(core, role.ballot);
  else {
    core.lease = createLease(config, election.clock);
    lead(election, config.self, role.ballot);
    // Followers learn at once whom to follow, and how far the log is issued.
    sendRound(core, step);
  }
}

function beginAttempt(core: Core, ballot: Ballot): void {
  const { config, paxos, election } = core;
  const { retransmit, election: timeOut } = config.timing;
  const { clock, failures } = election;
  election.leader = null;
  election.asking = null;
  core.attempt = {
    ballot,
    // Slow disks and long ways need longer than the first try gives them.
    patience: 2 * timeOut * 2 ** Math.min(failures, DOUBLINGS),
    upTo: paxos.upTo,
    since: clock,
    repeatAt: clock + retransmit,
    delay: retransmit,
  };
}

/** A round of heartbeats to everybody. */
export function sendRound(core: Core, step: Step): void {
  const { config, lease, election } = core;
  if (lease === null) return;
  lease.sequence += 1;
  lease.roundAt = election.now ?? 0;
  for (let device = 0; device < config.devices; device++)
    if (device !== config.self) sendHeartbeat(core, step, device);
}

export function sendHeartbeat({ paxos, lease, rest }: Core, step: Step, to: Device): void {
  const { role, upTo, born } = paxos;
  if (role.kind !== 'leading' || lease === null) return;
  const { sequence } = lease;
  const proposed = rest.since !== 0 && sequence >= rest.since;
  send(step, to, { kind: 'heartbeat', ballot: role.ballot, upTo, born, sequence, rest: proposed });
}

/** Asks `from`, who just showed that it knows more, unless another is asked already. */
export function catchUpFrom(core: Core, step: Step, from: Device): void {
  const { config, paxos, catchUp } = core;
  if (from !== config.self && catchUp.known[from]! > paxos.upTo) askCatchUp(core, step, from);
}

export function askCatchUp({ paxos, catchUp, election }: Core, step: Step, teacher: Device): void {
  for (;;) {
    const part = nextPart(catchUp, teacher, paxos.upTo, election.clock);
    if (part === null) return;
    send(step, teacher, { kind: 'catch-up', ...part });
  }
}
