/**
 * CPU of the pure rooms per action: three whole world hosts in one process, no disk, no sockets. Messages pass through the real
 * codec of the peer links, so that commands arrive as they do on a follower: as parts of a received batch. Each host's steps
 * and the codec are timed apart, by actions in a turn.
 */
import { LeaderState } from '../../game-logic/leader-state.ts';
import { WorldState } from '../../game-logic/state.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { Consensus } from '../../server/consensus/consensus.ts';
import { OutputGate } from '../../server/consensus/output-gate.ts';
import { DEFAULT_TIMING } from '../../server/consensus/timing.ts';
import { MESSAGE_BYTES, TAIL_COMMANDS, WINDOW_COMMANDS } from '../../server/limits.ts';
import { decodePeer, encodePeer } from '../../server/links/codec.ts';
import type { PeerMessage } from '../../server/links/types.ts';
import type { HostInput } from '../../server/replica/types.ts';
import { WorldHost } from '../../server/replica/world-host.ts';
import { median, round, table } from './statistics.ts';

const DEVICES = 3;
const SESSIONS = 64;
const WAREHOUSES = 100;
/** Actions in a turn, and actions of a round of such turns. */
const BATCHES = [
  [1, 5_000],
  [16, 20_000],
  [64, 20_000],
  [256, 20_000],
] as const;
/** Actions in a part of a round, unless a turn alone has more. */
const PART = 64;
/** Rounds before the measured ones, which warm the compiler up. */
const WARM_UP = 2;

const microseconds = () => performance.now() * 1_000;

class Trio {
  readonly hosts: WorldHost[];
  readonly states = Array.from({ length: DEVICES }, () => new WorldState(warehouse));
  private readonly inbox: HostInput[][] = this.states.map(() => []);
  /** Microseconds in each host's steps, and in the codec of the device that sends or receives. */
  readonly host = new Float64Array(DEVICES);
  readonly codec = new Float64Array(DEVICES);
  answered = 0;
  now = 0;

  constructor() {
    this.hosts = this.states.map(
      (state, self) =>
        new WorldHost({
          self,
          devices: DEVICES,
          core: new Consensus(
            {
              devices: DEVICES,
              self,
              weights: [1, 1, 1],
              window: WINDOW_COMMANDS,
              voting: 'all',
              tailCommands: TAIL_COMMANDS,
              messageBytes: MESSAGE_BYTES,
              seed: self + 1,
              timing: DEFAULT_TIMING,
              ranks: [0, 1, 2],
            },
            { lastTried: 0, nextBal: 0, upTo: 0, born: 0, votes: [], tail: [] },
          ),
          gate: new OutputGate(),
          window: WINDOW_COMMANDS,
          state,
          leaderState: (base) => new LeaderState(base as WorldState),
          firstRequest: 1_000_000 * (self + 1),
          random: Math.random,
          log: () => {},
        }),
    );
    for (let device = 0; device < DEVICES; device++)
      for (let other = 0; other < DEVICES; other++)
        if (device !== other) this.give(device, { kind: 'link', device: other, up: true });
    this.give(0, { kind: 'lead' });
  }

  give(device: number, input: HostInput): void {
    (this.inbox[device] as HostInput[]).push(input);
  }

  /** Every host takes turns until nothing is under way; the leader last, so that it takes what the others forward in one turn. */
  settle(): void {
    while (this.inbox.some((inputs) => inputs.length > 0))
      for (let device = DEVICES - 1; device >= 0; device--)
        if ((this.inbox[device] as HostInput[]).length > 0) this.turn(device);
  }

  tick(): void {
    this.now += 5;
    for (let device = 0; device < DEVICES; device++) this.give(device, { kind: 'tick' });
    this.settle();
  }

  private turn(device: number): void {
    const inputs = this.inbox[device] as HostInput[];
    this.inbox[device] = [];
    const clock = { now: this.now, wall: 1_700_000_000_000 + this.now };
    const started = microseconds();
    const effects = (this.hosts[device] as WorldHost).step(clock, inputs);
    this.add(this.host, device, started);
    if (effects.stopped !== undefined) throw new Error(effects.stopped.reason);
    for (const { write } of effects.writes) this.give(device, { kind: 'persisted', write });
    for (const { to, message } of effects.sends) this.carry(device, to, message);
    for (const { error } of effects.answers) if (error !== null) throw error;
    this.answered += effects.answers.length;
    if (effects.more) this.give(device, { kind: 'persisted', write: 0 });
  }

  private carry(from: number, to: number, message: PeerMessage): void {
    const started = microseconds();
    // The kernel copies; the receiver's bytes are its own.
    const bytes = encodePeer('warehouse', message).slice();
    this.add(this.codec, from, started);
    const arrived = microseconds();
    const received = decodePeer(bytes, from, to);
    this.add(this.codec, to, arrived);
    this.give(to, { kind: 'peer', from, message: received.message });
  }

  private add(times: Float64Array, device: number, started: number): void {
    times[device] = (times[device] as number) + microseconds() - started;
  }
}

/** Clients in all three regions; each session acts in turn. */
class Players {
  private readonly trio: Trio;
  private readonly sequences = new Array<number>(SESSIONS).fill(0);
  private next = 0;

  constructor(trio: Trio) {
    this.trio = trio;
    for (let i = 0; i < WAREHOUSES; i++) {
      this.act(0, 'open', { id: `w${i}` });
      this.act(0, 'inbound', { to: `w${i}`, amount: 1e9 });
    }
  }

  private act(player: number, name: 'open' | 'inbound' | 'transfer', args: object): void {
    const sequence = (this.sequences[player] as number) + 1;
    this.sequences[player] = sequence;
    const request = {
      session: `s-5f3a9c21d07b4e68-${player}`,
      sequence,
      action: name,
      args: warehouse.schema.actions[name].encode(args),
    };
    this.trio.give(player % DEVICES, { kind: 'act', id: this.next, request });
    if (name !== 'transfer') this.trio.settle();
  }

  /** One turn's worth of transfers, until all are answered. */
  transfers(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = this.next++;
      const from = `w${n % WAREHOUSES}`;
      const to = `w${(n * n * 7 + 1) % WAREHOUSES}`;
      this.act(n % SESSIONS, 'transfer', { from, to, amount: 1 + (n % 5) });
    }
    this.trio.settle();
  }
}

let parts = 0;

interface Sample {
  readonly leader: number;
  readonly follower: number;
  readonly leaderCodec: number;
  readonly followerCodec: number;
}

/** One part of a round: so short that most are not interrupted by other load, so long that the clock is fine enough. */
function part(trio: Trio, players: Players, batch: number): Sample {
  const count = Math.max(PART, batch);
  trio.host.fill(0);
  trio.codec.fill(0);
  for (let done = 0; done < count; done += batch) players.transfers(batch);
  const [leader = 0, ...followers] = trio.host;
  const [leaderCodec = 0, ...followersCodec] = trio.codec;
  const mean = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
  const sample = {
    leader: leader / count,
    follower: mean(followers) / count,
    leaderCodec: leaderCodec / count,
    followerCodec: mean(followersCodec) / count,
  };
  if (++parts % 16 === 0) trio.tick();
  return sample;
}

/** The parts of a round, and CPU of this whole process an action: collector, codec and the benchmark's own included. */
function measure(trio: Trio, players: Players, batch: number, actions: number) {
  const used = process.cpuUsage();
  const before = trio.answered;
  const samples: Sample[] = [];
  while (trio.answered - before < actions) samples.push(part(trio, players, batch));
  const { user, system } = process.cpuUsage(used);
  return { samples, cpu: (user + system) / (trio.answered - before) };
}

/** Microseconds an action by actions in a turn, medians of the rounds, and bytes a command. */
export async function host(options: { readonly rounds: number }): Promise<object> {
  const trio = new Trio();
  trio.tick();
  const players = new Players(trio);
  for (let warm = 0; warm < WARM_UP; warm++)
    for (const [batch, actions] of BATCHES) measure(trio, players, batch, actions);
  const figures: { [batch: string]: object } = {};
  const rows: (readonly (string | number)[])[] = [
    ['us an action, in a turn', 'leader', 'follower', 'codec, leader', 'codec, follower', 'CPU of all'],
  ];
  for (const [batch, actions] of BATCHES) {
    const rounds = Array.from({ length: options.rounds }, () => measure(trio, players, batch, actions));
    const samples = rounds.flatMap((one) => one.samples);
    const of = (key: keyof Sample) => round(median(samples.map((sample) => sample[key])), 2);
    const [leader, follower] = [of('leader'), of('follower')];
    const [leaderCodec, followerCodec] = [of('leaderCodec'), of('followerCodec')];
    const cpu = round(median(rounds.map((one) => one.cpu)), 2);
    figures[batch] = { leader, follower, leaderCodec, followerCodec, cpu };
    rows.push([batch, leader, follower, leaderCodec, followerCodec, cpu]);
  }
  const { number } = (trio.hosts[0] as WorldHost).replica;
  const commands = (trio.hosts[0] as WorldHost).replica.tail.read(number - 99, number, 1 << 20) ?? [];
  const bytes = commands.reduce((sum, command) => sum + command.length, 0) / commands.length;
  console.log(table(rows));
  console.log(`bytes a command: ${round(bytes, 1)}`);
  return { unit: 'us', rounds: options.rounds, figures, bytes };
}
