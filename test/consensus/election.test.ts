import { describe, expect, it } from 'vitest';
import {
  CATCH_UP_ANSWER_BYTES,
  CATCH_UP_BYTES,
  CATCH_UP_COMMANDS,
  CATCH_UP_PARTS,
} from '../../server/consensus/limits.ts';
import { nextRandom } from '../../server/consensus/random.ts';
import { DEFAULT_TIMING } from '../../server/consensus/timing.ts';
import type { ConsensusConfig } from '../../server/consensus/types.ts';
import { Network, type Packet } from './network.ts';

const ballotsSeen = (network: Network) => Math.max(...network.nodes.map(({ core }) => core.status().nextBal));

/** A network whose best-ranked device leads. */
function led(devices = 3, change: Partial<ConsensusConfig> = {}): Network {
  const network = new Network(devices, change);
  network.until(() => network.leaders().length === 1, 1_000);
  expect(network.leaders()).toEqual([0]);
  return network;
}

const cutOff =
  (...devices: number[]) =>
  ({ from, to }: Packet) =>
    from !== to && (devices.includes(from) || devices.includes(to));

/** Device 2 heard nothing of so many commands, of so many bytes each; most of them are older than memory. */
function behind(commands: number, size: number): Network {
  const network = led(3, { window: 4_096, tailCommands: 500 });
  while (network.node(0).log.length < commands) {
    network.node(0).propose(Math.min(2_000, commands - network.node(0).log.length), size);
    network.settle(cutOff(2));
  }
  expect(network.nodes.map(({ log }) => log.length)).toEqual([commands, commands, 0]);
  return network;
}

function kill(network: Network, device: number): void {
  network.node(device).crash();
  for (const { config } of network.nodes)
    if (config.self !== device) network.node(config.self).input({ kind: 'link', device, up: false });
}

describe('elections [0064, section 11]', () => {
  it('the best-ranked device leads first, everybody believes it, and nothing more happens', () => {
    const network = led(3, { ranks: [0, 1, 2] });
    network.until(() => network.now > 5_000, 6_000);
    expect(network.nodes.map(({ leader }) => leader)).toEqual(Array(3).fill({ device: 0, ballot: 3 }));
    expect(ballotsSeen(network)).toBe(3);
  });

  it('ranks decide, not indices', () => {
    const network = new Network(3, { ranks: [2, 1, 0] });
    network.until(() => network.leaders().length === 1, 1_000);
    expect(network.leaders()).toEqual([2]);
  });

  it('a single device leads itself', () => {
    const network = new Network(1);
    network.until(() => network.leaders().length === 1, 400);
    network.node(0).propose(3);
    network.node(0).input({ kind: 'confirm', token: 4 });
    network.settle();
    expect([network.node(0).log.length, network.node(0).confirmed]).toEqual([3, [4]]);
  });

  it('kill -9: closed links make a new leader without a tick', () => {
    for (const devices of [3, 5]) {
      const network = led(devices);
      network.node(0).propose(5);
      network.settle();
      kill(network, 0);
      network.settle();
      expect(network.leaders()).toEqual([1]);
    }
  });

  it('kill -9 of the leader and of the next in line: the third follows within a turn', () => {
    const network = led(5);
    for (const device of [0, 1]) {
      network.node(device).crash();
      for (const other of [2, 3, 4]) network.node(other).input({ kind: 'link', device, up: false });
    }
    expect(network.until(() => network.leaders().length === 1, 1_000)).toBeLessThanOrEqual(60);
    expect(network.leaders()).toEqual([2]);
  });

  it('a silent partition: a new leader within 250 ms, the old one deposed within its lease', () => {
    for (let seed = 1; seed <= 30; seed++) {
      const network = new Network(3, { seed });
      network.until(() => network.leaders().length === 1, 1_000);
      const old = network.leaders()[0]!;
      // Somewhere between two heartbeats.
      for (let spent = 0; spent < seed; spent += 5) {
        network.tick(5);
        network.settle();
      }
      const lost = cutOff(old);
      const took = network.until(() => network.leaders().some((leader) => leader !== old), 1_000, lost);
      expect(took).toBeLessThanOrEqual(250);
      network.until(() => !network.leaders().includes(old), DEFAULT_TIMING.lease + 50, lost);
    }
  });

  it('a leader that cannot reach a majority steps down within its lease, and leads again when it can', () => {
    const network = led();
    const lost = cutOff(0, 1, 2);
    const took = network.until(() => network.leaders().length === 0, 1_000, lost);
    expect(took).toBeLessThanOrEqual(DEFAULT_TIMING.lease + 50);
    network.until(() => network.leaders().length === 1, 3_000);
    network.node(network.leaders()[0]!).propose(1);
    network.settle();
    expect(network.nodes.map(({ log }) => log.length)).toEqual([1, 1, 1]);
  });

  it('a region that comes back disturbs nobody: it is refused the pre-vote', () => {
    const network = led();
    network.until(() => network.now > 3_000, 5_000, cutOff(2));
    const ballot = ballotsSeen(network);
    network.until(() => network.node(2).leader.device === 0, 500);
    network.until(() => network.now > 4_500, 2_000);
    expect([network.leaders(), ballotsSeen(network)]).toEqual([[0], ballot]);
  });

  it('a device whose link to the leader alone is broken neither disturbs it nor falls behind', () => {
    const network = led(3);
    const lost = ({ from, to }: Packet) => (from === 0 && to === 2) || (from === 2 && to === 0);
    network.node(2).input({ kind: 'link', device: 0, up: false });
    network.node(0).input({ kind: 'link', device: 2, up: false });
    for (let round = 0; round < 40; round++) {
      network.node(0).propose(2);
      network.tick(20);
      network.settle(lost);
    }
    network.until(() => network.node(2).log.length === 80, 1_000, lost);
    expect([network.leaders(), ballotsSeen(network)]).toEqual([[0], 3]);
  });

  for (const tick of [5, 10])
    it(`hosts that stand still for 100 ms cause no election, one at a time or all at once (ticks of ${tick})`, () => {
      const network = led(3);
      for (let round = 0; round < 60; round++) {
        const slow = round % 4;
        const start = network.now;
        // The slow host neither ticks nor takes messages; then it ticks late and finds them all.
        const held: Packet[] = [];
        while (network.now < start + 100) {
          network.now += tick;
          for (const node of network.nodes)
            if (slow !== 3 && node.config.self !== slow) node.input({ kind: 'tick', now: network.now });
          network.settle((packet) => packet.to === slow && held.push(packet) > 0);
        }
        for (const node of network.nodes) node.input({ kind: 'tick', now: network.now });
        for (const packet of held) network.deliver(packet);
        network.settle();
        for (let spent = 0; spent < 50 + round; spent += tick) {
          network.tick(tick);
          network.settle();
        }
      }
      expect([network.leaders(), ballotsSeen(network)]).toEqual([[0], 3]);
    });

  /** The host of one device stands still for a while: then it ticks late and finds everything. */
  function standStill(network: Network, slow: number, ms: number): void {
    const held: Packet[] = [];
    const end = network.now + ms;
    while (network.now < end) {
      network.now += 5;
      for (const node of network.nodes)
        if (node.config.self !== slow) node.input({ kind: 'tick', now: network.now });
      network.settle((packet) => packet.to === slow && held.push(packet) > 0);
    }
    network.node(slow).input({ kind: 'tick', now: network.now });
    for (const packet of held) network.deliver(packet);
    network.settle();
  }

  function rest(network: Network, ms: number): void {
    for (let spent = 0; spent < ms; spent += 5) {
      network.tick(5);
      network.settle();
    }
  }

  const silenceUntilAsked = (network: Network): number => {
    const start = network.now;
    while (!network.packets.some(({ message }) => message.kind === 'pre-vote')) {
      network.packets = [];
      network.tick(5);
    }
    return network.now - start;
  };

  it('a leader whose host has ever more to do keeps its place: it was late before, and is forgiven for being late again', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = led(3, { seed });
      for (const ms of [100, 150, 200, 250, 300, 350, 300]) {
        standStill(network, 0, ms);
        rest(network, 200);
      }
      expect([seed, network.leaders(), ballotsSeen(network)]).toEqual([seed, [0], 3]);
    }
  });

  it('a follower that stood still itself doubts its own ears: the leader may be late on the same host', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = led(3, { seed });
      for (const follower of [1, 2]) standStill(network, follower, 200);
      standStill(network, 0, 220);
      expect([seed, network.leaders(), ballotsSeen(network)]).toEqual([seed, [0], 3]);
    }
  });

  it.each([
    ['one that stood still does not hold up another that finds the leader silent', [1], 400],
    ['those that were stopped for a second are no more patient for it', [1, 2], 1_000],
  ] as const)('%s', (_, stopped, ms) => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = led(3, { seed });
      for (const device of stopped) standStill(network, device, ms);
      rest(network, 300);
      network.tick(40);
      network.settle();
      const start = network.now;
      const frozen = ({ from, to }: Packet) => from === 0 || to === 0;
      network.until(() => network.leaders().some((device) => device > 0), 1_000, frozen);
      expect(network.now - start).toBeLessThanOrEqual(240);
    }
  });

  it('the patience with a leader that was late ends: within half a second at once, as short as ever after a while', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = led(3, { seed });
      for (const ms of [100, 150, 200, 250, 300, 350, 400]) {
        standStill(network, 0, ms);
        rest(network, 100);
      }
      const late = network.leaders();
      expect(late).toEqual([0]);
      expect(silenceUntilAsked(network)).toBeLessThanOrEqual(535);
    }
    const network = led(3);
    standStill(network, 0, 150);
    rest(network, 20_000);
    network.tick(40);
    network.settle();
    expect(silenceUntilAsked(network)).toBeLessThanOrEqual(205);
  });

  it('a device stopped for a minute does not count the minute: no pre-vote of its own at the first late tick', () => {
    const network = led(3);
    network.now += 60_000;
    for (const node of network.nodes) node.input({ kind: 'tick', now: network.now });
    expect(network.packets.filter(({ message }) => message.kind === 'pre-vote')).toEqual([]);
    network.settle();
    expect(network.leaders()).toEqual([0]);
  });

  it('after lost elections the back-off ends the duel', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = new Network(5, { ranks: [0, 0, 0, 0, 0], seed });
      let count = 0;
      network.until(
        () => network.leaders().length > 0,
        3_000,
        () => count++ % 3 === 0,
      );
      network.until(() => network.leaders().length === 1, 3_000);
      network.until(() => network.nodes.every(({ leader }) => leader.device === network.leaders()[0]), 1_000);
    }
  });

  it('two that ask at the same moment do not refuse each other for ever, equal ranks or not', () => {
    for (const ranks of [
      [0, 0, 0],
      [0, 1, 2],
      [0, 2, 1],
    ]) {
      const network = new Network(3, { ranks });
      network.until(() => network.leaders().length === 1, 1_000);
      expect(network.leaders()).toEqual([0]);
      network.node(0).crash();
      for (const device of [1, 2]) network.node(device).input({ kind: 'link', device: 0, up: false });
      const asks = () =>
        new Set(network.packets.filter(({ message }) => message.kind === 'pre-vote').map(({ from }) => from));
      // Nothing arrives until both have asked.
      for (let spent = 0; asks().size < 2 && spent < 500; spent += 5) network.tick(5);
      expect(asks().size).toBe(2);
      network.settle();
      expect(network.leaders()).toEqual([ranks[1]! <= ranks[2]! ? 1 : 2]);
    }
  });

  it('a silent leader is given up after 175 to 200 ms by the first in line, later by the second', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const network = led(3, { seed });
      network.tick(40);
      network.settle();
      const start = network.now;
      while (!network.packets.some(({ message }) => message.kind === 'pre-vote')) {
        network.packets = [];
        network.tick(5);
      }
      const asked = network.packets
        .filter(({ message }) => message.kind === 'pre-vote')
        .map(({ from }) => from);
      expect(asked).toEqual([1, 1]);
      expect(network.now - start).toBeGreaterThanOrEqual(175);
      expect(network.now - start).toBeLessThanOrEqual(205);
    }
  });

  it('of two that believe to lead a device stays with the later one', () => {
    const node = new Network(3).node(2);
    const heartbeat = (from: number, ballot: number) =>
      node.input({
        kind: 'message',
        from,
        message: { kind: 'heartbeat', ballot, upTo: 0, born: 0, sequence: 1, rest: false },
      });
    heartbeat(0, 3);
    expect(node.leader).toEqual({ device: 0, ballot: 3 });
    heartbeat(1, 4);
    heartbeat(0, 3);
    expect(node.leader).toEqual({ device: 1, ballot: 4 });
  });

  it('a candidate that hears nobody does not keep the others waiting', () => {
    const network = led(5);
    network.node(0).crash();
    // 1 can be heard, and hears nothing.
    const lost = ({ to }: Packet) => to <= 1;
    network.until(() => network.leaders().some((leader) => leader >= 2), 1_000, lost);
  });

  it('T79: two devices lead in turn a thousand times under loss; then it stops, and all catch up', () => {
    const network = new Network(3, { window: 4 });
    let dice = 1;
    const lost = () => {
      const { state, value } = nextRandom(dice);
      dice = state;
      return value < 0.2;
    };
    for (let round = 0; round < 1_000; round++) {
      network.node(round % 2).input({ kind: 'lead' });
      network.settle(lost);
      for (const node of network.nodes) node.propose(1);
      network.settle(lost);
    }
    const most = Math.max(...network.nodes.map(({ log }) => log.length));
    expect(most).toBeGreaterThan(100);
    network.until(() => {
      for (const node of network.nodes) node.propose(1);
      return network.nodes.every(({ log }) => log.length > most);
    }, 5_000);
    const ids = network.nodes.map(({ log }) => log.map(({ born, number }) => `${born}@${number}`));
    for (const other of [1, 2]) expect(ids[other]?.slice(0, most)).toEqual(ids[0]?.slice(0, most));
  });
});

describe('repair without elections [R13, R6]', () => {
  it('a lost BeginBallot is repeated, only where it is missing, with growing pauses', () => {
    const network = led(5);
    const toTwo: number[] = [];
    network.node(0).propose(3);
    const lost = ({ from, to, message }: Packet) => {
      if (from !== 0 || message.kind !== 'begin-ballot') return false;
      if (to === 4) toTwo.push(network.now);
      // A majority must not vote, or there is nothing to repeat.
      return to >= 2;
    };
    network.settle(lost);
    expect(network.node(0).log.length).toBe(0);
    const start = network.now;
    network.until(() => network.now - start > 1_600, 3_000, lost);
    const gaps = toTwo.slice(1).map((at, index) => at - toTwo[index]!);
    expect(gaps.length).toBeGreaterThanOrEqual(3);
    expect(gaps[0]).toBeGreaterThanOrEqual(100);
    expect(gaps[1]).toBeGreaterThan(gaps[0]! * 1.5);
    network.until(() => network.nodes.every(({ log }) => log.length === 3), 1_000);
  });

  it('a reconnecting device gets what it missed at once', () => {
    const network = led(3);
    network.node(0).propose(7);
    network.settle(cutOff(1, 2));
    network.node(0).input({ kind: 'link', device: 1, up: true });
    network.settle(cutOff(2));
    expect(network.nodes.map(({ log }) => log.length)).toEqual([7, 7, 0]);
  });

  it('T56: what never arrived is caught up, ten thousand commands with the heartbeat that tells of them', () => {
    const network = behind(10_000, 100);
    let asked = 0;
    let most = 0;
    const counting = ({ to, message }: Packet) => {
      if (message.kind === 'catch-up') most = Math.max(most, ++asked);
      if (message.kind === 'issued' && to === 2) asked = 0;
      return false;
    };
    // Most of it is older than memory: it comes from the host's storage. No part waits for a tick: the clock stands still.
    expect(network.until(() => network.node(2).log.length === 10_000, 3_000, counting)).toBeLessThanOrEqual(
      45,
    );
    expect(most).toBe(CATCH_UP_PARTS);
  });

  it('R13: parts of a catch-up are as many commands as their bytes allow', () => {
    const network = behind(1_200, 8_192);
    const parts: number[] = [];
    const turns: number[] = [];
    let bytes = 0;
    const watching = ({ to, message }: Packet) => {
      if (message.kind === 'catch-up') {
        parts.push(message.max);
        turns.push(bytes);
        bytes = 0;
      }
      if (message.kind === 'issued' && to === 2) for (const c of message.commands) bytes += c.bytes.length;
      return false;
    };
    network.until(() => network.node(2).log.length === 1_200, 3_000, watching);
    // The first is asked for without knowing them.
    expect(parts.slice(0, 2)).toEqual([CATCH_UP_COMMANDS, CATCH_UP_BYTES / 8_192]);
    expect(new Set(parts.slice(1))).toEqual(new Set([CATCH_UP_BYTES / 8_192]));
    expect(Math.max(...turns)).toBeLessThanOrEqual(CATCH_UP_PARTS * CATCH_UP_ANSWER_BYTES);
  });

  it('R13: who is behind while commands go on being issued becomes current', () => {
    const network = behind(10_000, 100);
    const issuing = () => {
      network.node(0).propose(200, 100);
      return network.node(2).log.length === network.node(0).log.length;
    };
    expect(network.until(issuing, 3_000)).toBeLessThanOrEqual(100);
    expect(network.node(2).log.length).toBeGreaterThan(10_000);
  });

  it('R13, C4: whose answers do not arrive is not asked for ever: any device may answer', () => {
    const network = led(3);
    network.node(0).propose(9);
    network.settle(cutOff(2));
    const lost = ({ from, to, message }: Packet) => from === 0 && to === 2 && message.kind === 'issued';
    expect(network.until(() => network.node(2).log.length === 9, 3_000, lost)).toBeLessThanOrEqual(300);
  });

  it('a lone command is marked on the next tick, not on its way', () => {
    const network = led(3);
    network.node(0).propose(1);
    network.settle();
    expect(network.nodes.map(({ disk }) => disk.upTo)).toEqual([0, 0, 0]);
    network.tick(5);
    network.settle();
    expect(network.nodes.map(({ disk }) => disk.upTo)).toEqual([1, 1, 1]);
  });
});

describe('hand-over and confirmation', () => {
  it('a hand-over under load loses nothing and takes a few round trips', () => {
    const network = led(3);
    network.node(0).propose(40);
    network.node(0).input({ kind: 'hand-over', to: 2 });
    expect(network.node(0).paused).toBe(true);
    network.settle();
    expect(network.leaders()).toEqual([2]);
    expect(network.node(0).paused).toBe(false);
    network.node(2).propose(1);
    network.settle();
    expect(network.nodes.map(({ log }) => log.length)).toEqual([41, 41, 41]);
  });

  it('a target that hears nothing is told all the same after a lease; then the leader goes on', () => {
    const network = led(3);
    network.node(0).input({ kind: 'hand-over', to: 2 });
    const lost = ({ to, message }: Packet) => to === 2 && message.kind === 'take-over';
    network.until(() => !network.node(0).paused, 1_000, lost);
    expect(network.leaders()).toEqual([0]);
    network.node(0).propose(1);
    network.settle();
    expect(network.node(2).log.length).toBe(1);
  });

  it('nobody is handed anything who is not there, and a follower hands over nothing', () => {
    const network = led(3);
    network.node(0).input({ kind: 'link', device: 2, up: false });
    network.node(0).input({ kind: 'hand-over', to: 2 });
    network.node(0).input({ kind: 'hand-over', to: 0 });
    network.node(0).input({ kind: 'hand-over', to: 9 });
    network.node(1).input({ kind: 'hand-over', to: 2 });
    expect(network.nodes.map(({ paused }) => paused)).toEqual([false, false, false]);
  });

  it('8.5: thousands of tokens need a handful of rounds, and all are confirmed', () => {
    const network = led(3);
    network.packets = [];
    for (let token = 1; token <= 1_000; token++) network.node(0).input({ kind: 'confirm', token });
    expect(network.packets.filter(({ message }) => message.kind === 'heartbeat').length).toBeLessThanOrEqual(
      10,
    );
    network.settle();
    expect(network.node(0).confirmed.at(-1)).toBe(1_000);
  });

  it('T71: without a majority nothing is confirmed', () => {
    const network = led(3);
    network.node(0).input({ kind: 'confirm', token: 1 });
    network.until(() => network.leaders().length !== 1 || network.leaders()[0] !== 0, 2_000, cutOff(0));
    expect(network.node(0).confirmed).toEqual([]);
  });
});
