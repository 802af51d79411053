/** The contract's JSON of states and commands. */
import { describe, expect, it } from 'vitest';
import { ballotToJson, commandToJson, stateToJson } from '../../game-logic/to-json.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { decodeEnvelope } from '../../schemas/support/envelope.ts';
import { Lab } from './lab.ts';

const REGIONS = ['eu', 'us', 'ap'];

describe('to JSON', () => {
  it('a ballot is a round and a region', () => {
    expect(ballotToJson(17, REGIONS)).toEqual({ round: 5, region: 'ap' });
    expect(ballotToJson(21, REGIONS)).toEqual({ round: 7, region: 'eu' });
  });

  it('a state has its number, digest and tables', () => {
    const world = warehouse.testWorld();
    world.act('ann', 'inbound', { to: 'B', amount: 3 });
    const json = stateToJson(world.state);
    expect(json).toEqual({
      number: 1,
      digest: expect.stringMatching(/^[0-9a-f]{16}$/),
      tables: {
        warehouse: [
          { id: 'A', amount: 0 },
          { id: 'B', amount: 3 },
          { id: 'C', amount: 0 },
        ],
      },
    });
  });

  it('a command line has the fields of the contract, in its order', () => {
    const world = warehouse.testWorld({ now: 1_234 });
    world.act('ann', 'inbound', { to: 'A', amount: 500 });
    world.act('bob', 'transfer', { from: 'A', to: 'B', amount: 100 });
    world.act('bob', 'open', { id: 'D' });
    const lines = world.commands.map((bytes) => commandToJson(warehouse, decodeEnvelope(bytes), ['eu']));
    expect(Object.keys(lines[0] ?? {})).toEqual(
      'number ballot precedent session sequence action time result changes digest'.split(' '),
    );
    expect(lines).toEqual([
      {
        number: 1,
        ballot: { round: 1, region: 'eu' },
        precedent: null,
        session: 'ann',
        sequence: 1,
        action: 'inbound',
        time: 1_234,
        result: { A: 500 },
        changes: [{ table: 'warehouse', op: 'patch', key: 'A', row: { amount: 500 } }],
        digest: expect.stringMatching(/^[0-9a-f]{16}$/),
      },
      expect.objectContaining({
        precedent: { round: 1, region: 'eu' },
        changes: [
          { table: 'warehouse', op: 'patch', key: 'A', row: { amount: 400 } },
          { table: 'warehouse', op: 'patch', key: 'B', row: { amount: 100 } },
        ],
      }),
      expect.objectContaining({
        sequence: 2,
        changes: [{ table: 'warehouse', op: 'put', key: 'D', row: { id: 'D', amount: 0 } }],
        digest: stateToJson(world.state).digest,
      }),
    ]);
  });

  it('a tick has no session, a removal no row', () => {
    const lab = new Lab({ tick: (ctx) => void ctx.world.match.remove(0) });
    lab.call({ kind: 'tick' });
    const line = commandToJson(lab.definition, decodeEnvelope(lab.commands[0] as Uint8Array), REGIONS);
    expect(line).toMatchObject({ session: null, sequence: null, action: '$tick', result: null });
    expect(line.changes).toEqual([{ table: 'match', op: 'remove', key: 0 }]);
    expect(JSON.parse(JSON.stringify(line))).toEqual(line);
  });
});
