import { describe, expect, it } from 'vitest';
import type { Device } from '../../server/consensus/types.ts';
import { Network, type Packet } from './network.ts';

/** Ticks of hosts that have nothing to do. */
function rest(
  network: Network,
  times: number,
  step = 5,
  lost: (packet: Packet) => boolean = () => false,
): void {
  for (let tick = 0; tick < times; tick++) {
    network.now += step;
    for (const node of network.nodes)
      if (node.alive) node.input({ kind: 'tick', now: network.now, rest: true });
    network.settle(lost);
  }
}

const resting = (network: Network): boolean[] =>
  network.nodes.filter(({ alive }) => alive).map(({ core }) => core.status().resting);

/** Devices at rest, the first leads. */
function atRest(devices = 3): Network {
  const network = new Network(devices);
  network.node(0).input({ kind: 'lead' });
  network.settle();
  network.node(0).propose(3);
  network.settle();
  rest(network, 100);
  expect(resting(network)).toEqual(network.nodes.map(() => true));
  return network;
}

function lose(network: Network, device: Device, how: 'closed' | 'silent'): void {
  network.node(device).crash();
  for (const node of network.nodes) {
    if (!node.alive) continue;
    if (how === 'closed') node.input({ kind: 'link', device, up: false });
    else node.input({ kind: 'silent', device, silent: true });
  }
}

/** Milliseconds until another leads. */
function untilLed(network: Network): number {
  const from = network.now;
  while (network.leaders().length === 0 && network.now - from < 1_000) rest(network, 1);
  return network.now - from;
}

describe('rest', () => {
  it('[LEAD5] sends nothing, for as long as nothing happens', () => {
    const network = atRest();
    for (let tick = 0; tick < 100; tick++) {
      network.now += 10_000;
      for (const node of network.nodes) node.input({ kind: 'tick', now: network.now, rest: true });
      expect(network.packets).toEqual([]);
    }
    expect(network.leaders()).toEqual([0]);
  });

  it.each(['closed', 'silent'] as const)('a lost leader is followed by another: its link is %s', (how) => {
    const network = atRest();
    // However long it rested: that time is neither silence nor lateness.
    network.now += 1e7;
    lose(network, 0, how);
    network.settle();
    expect(untilLed(network)).toBeLessThan(100);
    rest(network, 100);
    expect(resting(network)).toEqual([true, true]);
  });

  it('[LEAD5] a command ends it everywhere, and everywhere it is issued', () => {
    const network = atRest();
    network.now += 1e7;
    network.node(0).propose(1);
    network.settle();
    expect(network.nodes.map(({ log }) => log.length)).toEqual([4, 4, 4]);
    expect(resting(network)).toEqual([false, false, false]);
    rest(network, 100);
    expect(resting(network)).toEqual([true, true, true]);
    expect(network.leaders()).toEqual([0]);
  });

  it('nobody rests whose host has something to do, and no leader whose followers lack something', () => {
    const network = new Network(3);
    network.node(0).input({ kind: 'lead' });
    network.settle();
    for (let tick = 0; tick < 100; tick++) {
      network.tick(5);
      network.settle();
    }
    expect(resting(network)).toEqual([false, false, false]);
    network.node(0).propose(1);
    // The third hears no more than heartbeats.
    const deaf = ({ to, message }: { to: Device; message: { kind: string } }) =>
      to === 2 && message.kind !== 'heartbeat';
    for (let tick = 0; tick < 100; tick++) {
      network.now += 5;
      for (const node of network.nodes) node.input({ kind: 'tick', now: network.now, rest: true });
      network.settle(deaf);
    }
    expect([network.node(0).core.status().resting, network.node(2).core.status().resting]).toEqual([
      false,
      false,
    ]);
    rest(network, 200);
    expect(resting(network)).toEqual([true, true, true]);
  });

  it('[LEAD2] a leader that lost everybody steps down, and rests until somebody is back', () => {
    const network = atRest();
    for (const device of [1, 2]) network.node(device).crash();
    for (const device of [1, 2]) network.node(0).input({ kind: 'silent', device, silent: true });
    rest(network, 100);
    expect(network.leaders()).toEqual([]);
    expect(resting(network)).toEqual([true]);
    network.node(1).restart(99);
    network.node(0).input({ kind: 'silent', device: 1, silent: false });
    network.node(1).input({ kind: 'link', device: 0, up: true });
    expect(untilLed(network)).toBeLessThan(400);
  });

  it('who reaches only one other, who is no majority with it, learns from that one what is issued', () => {
    const network = atRest(5);
    const between = ({ from, to }: Packet) => (from === 4 && to < 3) || (to === 4 && from < 3);
    for (const device of [0, 1, 2]) {
      network.node(device).input({ kind: 'link', device: 4, up: false });
      network.node(4).input({ kind: 'link', device, up: false });
    }
    rest(network, 100, 5, between);
    for (let made = 4; made <= 8; made++) {
      network.node(0).propose(1);
      rest(network, 100, 5, between);
      expect(network.node(4).log).toHaveLength(made);
    }
    expect(network.leaders()).toEqual([0]);
  });

  it('who hears nobody rests alone, also where its links are not closed, and wakes when one is heard', () => {
    const network = atRest(5);
    const between = ({ from, to }: Packet) => from === 4 || to === 4;
    for (const device of [0, 1, 2, 3]) network.node(4).input({ kind: 'silent', device, silent: true });
    rest(network, 400, 5, between);
    expect(network.node(4).core.status()).toMatchObject({ resting: true, leader: null });
    network.node(4).input({ kind: 'silent', device: 3, silent: false });
    expect(network.node(4).core.status().resting).toBe(false);
    for (const device of [0, 1, 2]) network.node(4).input({ kind: 'silent', device, silent: false });
    rest(network, 200);
    expect(network.node(4).core.status()).toMatchObject({ resting: true, leader: 0 });
    expect(network.leaders()).toEqual([0]);
  });

  /** A leader that proposed rest, and the agreements of the third device, which are late. */
  function almostAtRest() {
    const network = new Network(3);
    network.node(0).input({ kind: 'lead' });
    network.settle();
    network.node(0).propose(1);
    network.settle();
    const held: Packet[] = [];
    const late = (packet: Packet) => {
      const { from, message } = packet;
      const agrees = from === 2 && message.kind === 'heartbeat-ack' && message.rest;
      if (agrees) held.push(packet);
      return agrees;
    };
    for (let tick = 0; held.length === 0 && tick < 100; tick++) rest(network, 1, 5, late);
    expect(resting(network)).toEqual([false, true, true]);
    return { network, held };
  }

  /** All come to rest, and nobody doubts the leader meanwhile. */
  function comesToRest(network: Network): void {
    const doubts: Packet[] = [];
    rest(network, 100, 5, (packet) => {
      if (packet.message.kind === 'pre-vote') doubts.push(packet);
      return false;
    });
    expect([resting(network), doubts, network.leaders()]).toEqual([[true, true, true], [], [0]]);
  }

  it('who wakes before all have agreed takes its agreement back', () => {
    const { network } = almostAtRest();
    network.node(1).input({ kind: 'wake' });
    network.settle();
    // Two rounds that only the third device hears and agrees to.
    rest(network, 16, 5, ({ to, message }) => to === 1 && message.kind === 'heartbeat');
    expect(resting(network)).toEqual([false, false, true]);
    comesToRest(network);
  });

  it('an agreement that comes later than the word that its device woke does not count', () => {
    const { network, held } = almostAtRest();
    network.node(2).input({ kind: 'wake' });
    network.settle();
    for (const packet of held) network.deliver(packet);
    network.settle();
    expect(resting(network)).toEqual([false, true, false]);
    comesToRest(network);
  });
});
