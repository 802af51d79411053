/** Regions far apart: round trips longer than the time-outs that suit near ones. */
import { describe, expect, it } from 'vitest';
import { MOST_ROUND_TRIP_MS } from '../../server/consensus/limits.ts';
import { DEFAULT_TIMING, stretched } from '../../server/consensus/timing.ts';
import type { Device, Message } from '../../server/consensus/types.ts';
import { configOf, Node } from './network.ts';

/** One way in ms, by the two devices: 80, 150 and 220 there and back. */
const WORLD_WIDE = [
  [0, 40, 75],
  [40, 0, 110],
  [75, 110, 0],
];
const TICK = 5;

/** Three devices whose messages take their time; each is told the round trip to the farthest that it is linked to. */
class FarNetwork {
  readonly nodes: Node[];
  readonly elected: Device[] = [];
  readonly sent: Message['kind'][] = [];
  now = 0;
  private readonly underWay: { due: number; deliver: () => void }[] = [];
  private readonly delays: readonly (readonly number[])[];
  private readonly leading: boolean[];

  constructor(delays: readonly (readonly number[])[]) {
    this.delays = delays;
    this.leading = delays.map(() => false);
    this.nodes = delays.map(
      (_, self) =>
        new Node(configOf(delays.length, self), ({ from, to, message }) => {
          this.sent.push(message.kind);
          const deliver = () => {
            if (this.nodes[to]!.alive) this.nodes[to]!.input({ kind: 'message', from, message });
          };
          this.after(from === to ? 0 : this.delays[from]![to]!, deliver);
        }),
    );
  }

  run(ms: number, each: () => void = () => {}): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += TICK;
      for (const node of this.nodes)
        if (node.alive)
          node.input({ kind: 'tick', now: this.now, roundTrip: this.roundTrip(node.config.self) });
      each();
      this.move();
    }
  }

  /** Its peers learn of it when the news has travelled. */
  kill(device: Device): void {
    this.nodes[device]!.crash();
    for (const node of this.nodes)
      if (node.alive)
        this.after(this.delays[device]![node.config.self]!, () =>
          node.input({ kind: 'link', device, up: false }),
        );
  }

  count(kind: Message['kind']): number {
    return this.sent.filter((one) => one === kind).length;
  }

  private roundTrip(device: Device): number {
    return Math.max(...this.delays[device]!.map((ms, other) => (this.nodes[other]!.alive ? 2 * ms : 0)));
  }

  private after(ms: number, deliver: () => void): void {
    this.underWay.push({ due: this.now + ms, deliver });
  }

  private move(): void {
    for (;;) {
      for (const node of this.nodes) if (node.alive) node.flush();
      const at = this.underWay.findIndex(({ due }) => due <= this.now);
      if (at === -1) break;
      const [next] = this.underWay.splice(at, 1);
      next!.deliver();
    }
    for (const { config, leading, alive } of this.nodes) {
      const leads = alive && leading !== null;
      if (leads && !this.leading[config.self]) this.elected.push(config.self);
      this.leading[config.self] = leads;
    }
  }
}

describe('regions far apart', () => {
  it('elect one leader and keep it [LEAD2, LEAD3]', () => {
    const network = new FarNetwork(WORLD_WIDE);
    network.run(10_000);
    expect(network.elected).toHaveLength(1);
  });

  it('elect one more when it is killed, after three long ways and a little', () => {
    const network = new FarNetwork(WORLD_WIDE);
    network.run(3_000);
    const [first] = network.elected;
    network.kill(first!);
    const killed = network.now;
    let took = Number.POSITIVE_INFINITY;
    network.run(5_000, () => {
      if (network.elected.length > 1) took = Math.min(took, network.now - killed);
    });
    expect(network.elected).toHaveLength(2);
    // The news of the death, then pre-vote and NextBallot and their answers: five times 110 at the worst, and a turn in line.
    expect(took).toBeLessThan(700);
  });

  it.each([0, 1, 2])('hand leadership to device %i without an election after it', (to) => {
    const network = new FarNetwork(WORLD_WIDE);
    network.run(3_000);
    const [first] = network.elected;
    if (first === to) return expect(first).toBe(0);
    network.nodes[first!]!.input({ kind: 'hand-over', to });
    network.run(5_000);
    expect(network.elected).toEqual([first, to]);
  });

  it('send a ballot once where nothing is lost', () => {
    // A majority is more than the plain pause before a repetition away.
    const network = new FarNetwork(WORLD_WIDE.map((row, a) => row.map((_, b) => (a === b ? 0 : 75))));
    network.run(3_000);
    const before = network.count('begin-ballot');
    let proposals = 0;
    for (; proposals < 10; proposals++) {
      expect(network.nodes[network.elected[0]!]!.propose(1)).toBe(1);
      network.run(400);
    }
    expect(network.count('begin-ballot') - before).toBe(2 * proposals);
  });
});

describe('stretched time-outs', () => {
  it('are the plain ones where no way is known or long', () => {
    expect(stretched(DEFAULT_TIMING, 0)).toEqual(DEFAULT_TIMING);
  });

  it('grow by the round trip, within a bound, heartbeats apart', () => {
    expect(stretched(DEFAULT_TIMING, 220)).toEqual({
      heartbeat: 40,
      election: 370,
      lease: 530,
      retransmit: 320,
    });
    expect(stretched(DEFAULT_TIMING, 1e9).election).toBe(DEFAULT_TIMING.election + MOST_ROUND_TRIP_MS);
  });
});
