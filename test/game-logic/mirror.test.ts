/** The client's copy: equal to a replica's tables at every number; and the prediction on top of it. */
import { describe, expect, it } from 'vitest';
import { MirrorError } from '../../game-logic/errors.ts';
import { PREDICTED_ACTIONS } from '../../game-logic/limits.ts';
import { Mirror } from '../../game-logic/mirror.ts';
import { Prediction } from '../../game-logic/prediction.ts';
import { decodeRows, encodeRows } from '../../game-logic/snapshot.ts';
import { WorldState } from '../../game-logic/state.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { decodeEnvelope, encodeEnvelope } from '../../schemas/support/envelope.ts';
import { Lab } from './lab.ts';

function traded() {
  const world = warehouse.testWorld();
  world.act('ann', 'inbound', { to: 'A', amount: 500 });
  world.act('bob', 'open', { id: 'D' });
  world.act('ann', 'transfer', { from: 'A', to: 'D', amount: 100 });
  world.act('cid', 'outbound', { from: 'D', amount: 100 });
  return world;
}

/** What a gateway sends and a client makes of it. */
function throughTheWire(state: WorldState): Mirror {
  const tables = decodeRows(state.definition, encodeRows(state));
  const { number, born, time } = state;
  return new Mirror(state.definition, { number, born, time, digest: { ...state.digest }, tables });
}

describe('mirror', () => {
  it('[SDK3] equals the replica at every number', () => {
    const world = traded();
    const mirror = Mirror.initial(warehouse);
    const replica = new WorldState(warehouse);
    for (const bytes of world.commands) {
      const { changes } = mirror.apply(bytes);
      expect(changes).toEqual(replica.apply(bytes).changes);
      expect(mirror.toJSON()).toEqual(replica.toJSON());
      expect([mirror.number, mirror.born, mirror.time, mirror.digest]).toEqual([
        replica.number,
        replica.born,
        replica.time,
        replica.digest,
      ]);
    }
    expect(mirror.number).toBe(4);
  });

  it('starts from a snapshot at any number and goes on from there', () => {
    const world = traded();
    const replica = new WorldState(warehouse);
    world.commands.forEach((bytes, i) => {
      const mirror = throughTheWire(replica);
      for (const later of world.commands.slice(i)) mirror.apply(later);
      expect(mirror.toJSON()).toEqual(world.state.toJSON());
      replica.apply(bytes);
    });
  });

  it('a snapshot of many rows comes in parts', () => {
    const lab = new Lab();
    for (let i = 0; i < 5; i++)
      lab.run((ctx) => {
        for (let j = 0; j < 4_000; j++) ctx.world.coin.put({ id: i * 4_000 + j, x: j });
      });
    lab.run((ctx) => {
      for (let j = 0; j < 3; j++) ctx.world.message.put({ id: j, text: 'ü'.repeat(30_000) });
    });
    lab.issue();
    const parts = encodeRows(lab.state);
    expect(parts.length).toBeGreaterThan(5);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(512 * 1024);
    const mirror = throughTheWire(lab.state);
    expect(mirror.digest).toEqual(lab.state.digest);
    expect(mirror.toJSON()).toEqual(lab.state.toJSON());
  });

  it('an empty world is one empty part', () => {
    const lab = new Lab();
    lab.run((ctx) => void ctx.world.match.remove(0));
    lab.issue();
    expect(encodeRows(lab.state)).toHaveLength(1);
    expect(throughTheWire(lab.state).toJSON()).toEqual(lab.state.toJSON());
  });

  it('[SDK3] checks number, precedent, digest and bytes', () => {
    const world = traded();
    const [first, second] = world.commands as [Uint8Array, Uint8Array];
    const forge = (change: object) => encodeEnvelope({ ...decodeEnvelope(second), ...change });
    const codeOf = (bytes: Uint8Array) => {
      const mirror = Mirror.initial(warehouse);
      mirror.apply(first);
      try {
        mirror.apply(bytes);
      } catch (error) {
        return error instanceof MirrorError ? error.code : 'other';
      }
      return 'none';
    };
    expect(codeOf(second)).toBe('none');
    expect(codeOf(first)).toBe('gap');
    expect(codeOf(world.commands[2] as Uint8Array)).toBe('gap');
    expect(codeOf(forge({ precedent: 7 }))).toBe('wrong-precedent');
    expect(codeOf(forge({ tables: { low: 0, high: 0 } }))).toBe('digest-mismatch');
    expect(codeOf(forge({ delta: new Uint8Array(16) }))).toBe('forged');
    expect(codeOf(second.subarray(0, 40))).toBe('forged');
    // What only servers can check it does not claim to.
    expect(codeOf(forge({ system: { low: 0, high: 0 } }))).toBe('none');
  });

  it('a snapshot whose digest is wrong is no start', () => {
    const { state } = traded();
    const { digest, ...rest } = state.toSnapshot();
    expect(
      () => new Mirror(warehouse, { ...rest, digest: { low: digest.low ^ 1, high: digest.high } }),
    ).toThrow(MirrorError);
  });
});

describe('prediction', () => {
  const environment = { now: 5, random: () => 0, log: () => {} };
  const transfer = (sequence: number, amount: number) => ({
    session: 'me',
    sequence,
    action: 'transfer',
    args: { from: 'A', to: 'B', amount },
  });
  const amounts = (prediction: Prediction) =>
    Object.fromEntries(
      [...(prediction.table('warehouse')?.rows() ?? [])].map((row) => [row['id'], row['amount']]),
    );

  function stocked() {
    const world = warehouse.testWorld();
    const mirror = Mirror.initial(warehouse);
    world.act('ann', 'inbound', { to: 'A', amount: 500 });
    mirror.apply(world.commands[0] as Uint8Array);
    return { world, mirror, prediction: new Prediction(mirror) };
  }

  it('shows own actions at once and leaves the mirror alone', () => {
    const { mirror, prediction } = stocked();
    expect(prediction.act(transfer(1, 100), environment)).toEqual({
      kind: 'predicted',
      result: '{"A":400,"B":100}',
    });
    expect(prediction.act(transfer(2, 50), environment)).toMatchObject({ result: '{"A":350,"B":150}' });
    expect(amounts(prediction)).toEqual({ A: 350, B: 150, C: 0 });
    expect(mirror.table('warehouse')?.get('A')).toMatchObject({ amount: 500 });
    expect(prediction.pending).toBe(2);
  });

  it('is rebased on what was decided', () => {
    const { world, mirror, prediction } = stocked();
    prediction.act(transfer(1, 100), environment);
    prediction.act(transfer(2, 50), environment);
    // Somebody else was first, and the first of mine is confirmed after that.
    world.act('ann', 'outbound', { from: 'A', amount: 380 });
    mirror.apply(world.commands[1] as Uint8Array);
    prediction.rebase(environment);
    // 120 are left: the first still fits, the second does not any more.
    expect(amounts(prediction)).toEqual({ A: 20, B: 100, C: 0 });
    world.act('me', 'transfer', { from: 'A', to: 'B', amount: 100 });
    mirror.apply(world.commands[2] as Uint8Array);
    expect(prediction.settle(1)).toBe(true);
    expect(prediction.settle(1)).toBe(false);
    prediction.rebase(environment);
    expect(amounts(prediction)).toEqual({ A: 20, B: 100, C: 0 });
    world.act('ann', 'inbound', { to: 'A', amount: 40 });
    mirror.apply(world.commands[3] as Uint8Array);
    prediction.rebase(environment);
    expect(amounts(prediction)).toEqual({ A: 10, B: 150, C: 0 });
    prediction.settle(2);
    prediction.rebase(environment);
    expect(prediction.digest).toEqual(mirror.digest);
    expect(amounts(prediction)).toEqual({ A: 60, B: 100, C: 0 });
  });

  it('a no has no effect, and may become a yes', () => {
    const { world, mirror, prediction } = stocked();
    expect(prediction.act(transfer(1, 600), environment)).toMatchObject({ code: 'insufficient-goods' });
    expect(prediction.digest).toEqual(mirror.digest);
    world.act('ann', 'inbound', { to: 'A', amount: 100 });
    mirror.apply(world.commands[1] as Uint8Array);
    prediction.rebase(environment);
    expect(amounts(prediction)).toEqual({ A: 0, B: 600, C: 0 });
  });

  it('a predicted row comes last, until the leader gave it its place', () => {
    const { world, mirror, prediction } = stocked();
    const open = { session: 'me', sequence: 1, action: 'open', args: { id: 'M' } };
    prediction.act(open, environment);
    world.act('ann', 'open', { id: 'Z' });
    mirror.apply(world.commands[1] as Uint8Array);
    prediction.rebase(environment);
    prediction.rebase(environment);
    expect(Object.keys(amounts(prediction))).toEqual(['A', 'B', 'C', 'Z', 'M']);
    expect(prediction.table('warehouse')?.size).toBe(5);
    world.act('me', 'open', { id: 'M' });
    mirror.apply(world.commands[2] as Uint8Array);
    prediction.settle(1);
    prediction.rebase(environment);
    expect(prediction.digest).toEqual(mirror.digest);
  });

  it('moves to a fresh mirror with what is open', () => {
    const { world, prediction } = stocked();
    prediction.act(transfer(7, 1), environment);
    world.act('ann', 'inbound', { to: 'A', amount: 1 });
    const fresh = throughTheWire(world.state);
    prediction.moveTo(fresh, environment);
    expect(amounts(prediction)).toEqual({ A: 500, B: 1, C: 0 });
  });

  it('is bounded', () => {
    const { prediction } = stocked();
    for (let i = 1; i <= PREDICTED_ACTIONS; i++) prediction.act(transfer(i, 1), environment);
    expect(prediction.act(transfer(PREDICTED_ACTIONS + 1, 1), environment)).toMatchObject({
      code: 'overloaded',
    });
    expect(prediction.pending).toBe(PREDICTED_ACTIONS);
  });

  it('a bug and an unknown action are no reason to fall over', () => {
    const { prediction } = stocked();
    expect(prediction.act({ ...transfer(1, 1), action: 'none' }, environment)).toMatchObject({
      code: 'no-such-action',
    });
    const args = { from: 'A', to: 'B', amount: 0.5 };
    expect(prediction.act({ ...transfer(2, 1), args }, environment)).toMatchObject({ kind: 'failed' });
  });
});
