/** A load that was, done again: from a record, and from what a world wrote down. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../bots/agenda.ts';
import { loadReplay } from '../../bots/replay/load.ts';
import { actLine, headerLine, type RecordedAct } from '../../bots/replay/record-file.ts';
import { RecordWriter } from '../../bots/replay/record-writer.ts';
import { REPLAY_AT_MOST, ReplayReader } from '../../bots/replay/replay.ts';
import { commandToJson } from '../../game-logic/to-json.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import { decodeEnvelope } from '../../schemas/support/envelope.ts';
import { arena, walkTo } from '../arena/stage.ts';

const ALL = { from: 1, to: Number.MAX_SAFE_INTEGER, speed: 1 };
const HEADER = { world: 'warehouse', startedAt: 'then', commandLine: 'so' };
const inbound = (at: number, who: number): RecordedAct => ({
  ...{ at, who, action: 'inbound', args: { to: 'A', amount: Math.floor(at) } },
});

type World = ReturnType<typeof warehouse.testWorld> | ReturnType<typeof arena.testWorld>;
function linesOf(world: World) {
  const { definition } = world.state;
  return world.commands.map((bytes) => commandToJson(definition, decodeEnvelope(bytes), ['eu']));
}

function read(reader: ReplayReader, lines: readonly unknown[]) {
  for (const line of lines) reader.take(JSON.parse(typeof line === 'string' ? line : JSON.stringify(line)));
  return reader.replay();
}

describe('a record', () => {
  it('is written and read again: same acts, order and spacing, at the speed that is asked for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'throughline-record-'));
    try {
      const path = join(folder, 'record');
      const writer = new RecordWriter(path, HEADER);
      // Workers tell by turns: the file is not quite in the order of time.
      for (const act of [inbound(1_000, 7), inbound(3_000, 7), inbound(2_000.123, 2), inbound(2_500, 7)])
        writer.add(act);
      writer.close();
      expect(readFileSync(path, 'utf8').split('\n').length).toBe(6);
      const source = { file: path, urls: [], world: 'warehouse' };
      const { acts, players, seconds, startsAt } = await loadReplay(source, { ...ALL, speed: 2 });
      expect(players).toBe(2);
      const [seven = [], two = []] = acts;
      expect(seven.map(({ at }) => at - startsAt)).toEqual([0, 750, 1_000]);
      expect(seven.map(({ args }) => args['amount'])).toEqual([1_000, 2_500, 3_000]);
      expect(two.map(({ at }) => Math.round((at - startsAt) * 1e4) / 1e4)).toEqual([500.0615]);
      expect(seconds * 1_000).toBeGreaterThan(startsAt + 1_000);
      const part = await loadReplay(source, { ...ALL, from: 2, to: 3 });
      expect(part.acts.map((own) => own.map(({ at }) => at - part.startsAt))).toEqual([[999.877], [0]]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each<[string, unknown[], string]>([
    ['of another world', [headerLine({ ...HEADER, world: 'arena' })], "'arena'"],
    ['of another version', ['{"throughline":"bots-record","version":2,"world":"warehouse"}'], 'version 2'],
    ['without acts', [headerLine(HEADER)], 'no act'],
    ['with no time', [headerLine(HEADER), '{"at":-1,"who":0,"action":"inbound","args":{}}'], "'at'"],
    ['with nobody', [headerLine(HEADER), '{"at":1,"who":0.5,"action":"inbound","args":{}}'], "'who'"],
    ['with no arguments', [headerLine(HEADER), '{"at":1,"who":0,"action":"inbound","args":[]}'], "'args'"],
    ['with an unknown action', [headerLine(HEADER), '{"at":1,"who":0,"action":"fly","args":{}}'], "'fly'"],
    ['with a wrong argument', [headerLine(HEADER), actLine({ ...inbound(1, 0), args: { to: 5 } })], 'to'],
    ['that is something else', ['{"name":"throughline"}'], 'neither'],
  ])('%s is refused in words', (_, lines, words) => {
    expect(() => read(new ReplayReader(warehouse, ALL), lines)).toThrow(words);
  });

  it('of more acts than there is room for is refused, not cut', () => {
    const reader = new ReplayReader(warehouse, ALL);
    reader.take(JSON.parse(headerLine(HEADER)));
    const act = inbound(1, 0);
    for (let at = 0; at < REPLAY_AT_MOST; at++) reader.take(act);
    expect(() => reader.take(act)).toThrow('--from');
  });
});

describe('a sequence', () => {
  it('gives who did what when, and its arguments from what was changed', () => {
    const world = warehouse.testWorld();
    const deeds: [string, string, object][] = [
      ['ann', 'inbound', { to: 'A', amount: 500 }],
      ['bob', 'open', { id: '7' }],
      ['ann', 'transfer', { from: 'A', to: '7', amount: 30 }],
      ['bob', 'outbound', { from: '7', amount: 4 }],
      ['ann', 'transfer', { from: '7', to: 'B', amount: 5 }],
    ];
    for (const [who, action, args] of deeds) {
      world.advance(100);
      world.act(who, action as 'open', args as { id: string });
    }
    const lines = linesOf(world);
    const reader = new ReplayReader(warehouse, { ...ALL, speed: 4 }, { warehouse: [{ id: 'A', amount: 0 }] });
    const { acts, startsAt, words } = read(reader, lines);
    expect(words).not.toContain('made up');
    const [ann = [], bob = []] = acts;
    expect(ann.map(({ action, args }) => [action, args])).toEqual([
      ['inbound', { to: 'A', amount: 500 }],
      // Names that are numbers change places in JSON: which amount fell tells the direction.
      ['transfer', { from: 'A', to: '7', amount: 30 }],
      ['transfer', { from: '7', to: 'B', amount: 5 }],
    ]);
    expect(bob.map(({ action, args }) => [action, args])).toEqual([
      ['open', { id: '7' }],
      ['outbound', { from: '7', amount: 4 }],
    ]);
    expect([...ann, ...bob].map(({ at }) => at - startsAt)).toEqual([0, 50, 100, 25, 75]);
    // A slice of it, where nobody knows what was there before.
    const part = read(new ReplayReader(warehouse, { from: 3, to: 3, speed: 1 }), lines.slice(2));
    expect(part.words).toContain('arguments of 1 made up');
    expect(part.acts.flat()[0]?.args).toMatchObject({ amount: 1 });
  });

  it('of the arena walks the same way, and says the same', () => {
    const world = arena.testWorld({ seed: 3 });
    for (const player of ['ann', 'bob']) world.join(player);
    walkTo(world, 'ann', { x: 12, y: 14.8 });
    world.act('bob', 'say', { text: 'hello' });
    world.act('bob', 'rename', { name: 'Bobby' });
    const lines = linesOf(world);
    const { acts, words } = read(new ReplayReader(arena, ALL), lines);
    const done = acts.flat();
    expect(words).not.toContain('made up');
    expect(done.find(({ action }) => action === 'say')?.args).toEqual({ text: 'hello' });
    expect(done.find(({ action }) => action === 'rename')?.args).toEqual({ name: 'Bobby' });
    // Asked again in a fresh world, the steps lead from the same beginning to the same end.
    const start = lines.find(({ session, action }) => session === 'ann' && action === '$join');
    const row = start?.changes.find(({ key }) => key === 'ann')?.row as { x: number; y: number };
    let at = { x: row.x, y: row.y };
    for (const { args } of acts[0] ?? []) at = { x: at.x + Number(args['dx']), y: at.y + Number(args['dy']) };
    const end = world.tables.player.get('ann');
    expect(at.x).toBeCloseTo(end?.x ?? 0, 3);
    expect(at.y).toBeCloseTo(end?.y ?? 0, 3);
  });
});

describe('turns at given moments', () => {
  it('come when they are due, and all that are over at once, as they were meant', () => {
    const turns = new Turns();
    turns.addAt(0, [10, 20, 20, 90]);
    turns.addAt(1, []);
    const due = (now: number) => {
      const all = [];
      for (let turn = turns.take(now); turn !== undefined; turn = turns.take(now)) all.push(turn.at);
      return all;
    };
    expect([due(9), due(50), due(89), due(90), turns.next]).toEqual([
      [],
      [10, 20, 20],
      [],
      [90],
      Number.POSITIVE_INFINITY,
    ]);
  });
});
