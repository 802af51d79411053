import { describe, expect, it } from 'vitest';
import { nextRandom } from '../../server/consensus/random.ts';
import { Network } from './network.ts';

/** A quick seeded storm: random delivery, loss, duplication, crashes at any write, competing leads; then agreement (G1, G11). */
function storm(seed: number, devices: number, change: ConstructorParameters<typeof Network>[1]): Network {
  let state = seed;
  const roll = (sides: number): number => {
    const next = nextRandom(state);
    state = next.state;
    return Math.floor(next.value * sides);
  };
  const network = new Network(devices, change);
  const issued = new Map<number, number>();
  const check = () => {
    for (const { log } of network.nodes)
      for (const { number, born } of log) {
        const known = issued.get(number);
        if (known === undefined) issued.set(number, born);
        else expect(born, `number ${number}`).toBe(known);
      }
  };
  for (let turn = 0; turn < 600; turn++) {
    const node = network.node(roll(devices));
    const dice = roll(100);
    if (dice < 55 && network.packets.length > 0) {
      const index = roll(network.packets.length);
      const packet = network.packets[index]!;
      if (roll(10) > 0) network.packets.splice(index, 1);
      if (roll(10) > 0) network.deliver(packet);
    } else if (dice < 75) {
      if (node.alive) node.flush(roll(3));
    } else if (dice < 85) {
      if (node.alive) node.propose(1 + roll(3));
    } else if (dice < 90) {
      network.tick(roll(60));
    } else if (dice < 93) {
      if (node.alive) node.input({ kind: 'lead' });
    } else if (dice < 95) {
      if (node.alive) node.crash();
    } else if (!node.alive) node.restart(turn);
    if (network.packets.length > 200) network.packets.splice(0, 100);
    if (turn % 20 === 0) check();
  }
  check();
  for (const node of network.nodes) if (!node.alive) node.restart(seed);
  const goal = Math.max(...issued.keys(), 0) + 1;
  network.until(
    () => {
      for (const node of network.nodes) node.propose(1);
      return network.nodes.every(({ log }) => log.length >= goal);
    },
    20_000,
    undefined,
    10,
  );
  check();
  for (const { alarms } of network.nodes) expect(alarms).toEqual([]);
  return network;
}

describe('random runs agree and recover [G1, G11]', () => {
  for (const voting of ['all', 'leader'] as const)
    for (const window of [1, 2, 8])
      it(`3 devices, voting ${voting}, window ${window}`, () => {
        for (let seed = 1; seed <= 40; seed++) storm(seed * 7919, 3, { voting, window, messageBytes: 64 });
      });

  it('devices that count votes differently, as while a cluster is changed from one to the other', () => {
    for (let seed = 1; seed <= 40; seed++)
      storm(seed * 15_485_863, 3, (self) => ({
        ...{ voting: (seed >> self) % 2 === 0 ? 'all' : 'leader', window: 8, messageBytes: 64 },
      }));
  });

  it('5 devices, short memory', () => {
    for (let seed = 1; seed <= 40; seed++)
      storm(seed * 104_729, 5, { window: 3, tailCommands: 2, messageBytes: 64 });
  });
});
