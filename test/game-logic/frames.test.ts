/** Frames: merged commands do to a copy exactly what the commands do one by one, or they are refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MirrorError } from '../../game-logic/errors.ts';
import { PlaceBook } from '../../game-logic/frame-places.ts';
import { FrameWriter } from '../../game-logic/frame-write.ts';
import { PLACED_ROWS } from '../../game-logic/limits.ts';
import { Mirror } from '../../game-logic/mirror.ts';
import { WorldState } from '../../game-logic/state.ts';
import type { RowChange } from '../../game-logic/types.ts';
import { arena } from '../../game-logic/worlds/arena/index.ts';
import { decodeFrame, encodeFrame, type Frame } from '../../schemas/generated/client.ts';
import { columnLength } from '../../schemas/support/columns.ts';
import type { Row, TableType } from '../../schemas/support/types.ts';
import { expectCommand, Lab, type LabContext } from './lab.ts';

/** A replica, what it applied since the last frame, and the frames that a gateway would make of it. */
class Gateway {
  readonly state: WorldState;
  readonly writer = new FrameWriter();
  #born = 0;
  #first = 1;
  #runs: (readonly RowChange[])[] = [];

  constructor(lab: Lab) {
    this.state = new WorldState(lab.definition);
  }

  apply(bytes: Uint8Array): void {
    this.#runs.push(this.state.apply(bytes, false).changes);
  }

  /** The last command goes to the mirror as it is. */
  bare(mirror: Mirror, bytes: Uint8Array): void {
    mirror.apply(bytes);
    this.#first = this.state.number + 1;
    this.#born = this.state.born;
    this.#runs = [];
  }

  frame(): Uint8Array {
    const bytes = this.writer.write(this.#first, this.#born, this.#runs, this.state).slice();
    this.#first = this.state.number + 1;
    this.#born = this.state.born;
    this.#runs = [];
    return bytes;
  }
}

/** Rows in their order, not only the same ones. */
const tablesOf = (copy: { toJSON(): object }) => JSON.stringify(copy.toJSON());

function expectSame(mirror: Mirror, state: WorldState): void {
  expect(tablesOf(mirror)).toBe(tablesOf(state));
  expect(mirror.digest).toEqual(state.digest);
  expect([mirror.number, mirror.born, mirror.time]).toEqual([state.number, state.born, state.time]);
}

/** A world, the gateway that follows it, and the mirror of a client of that gateway. */
class Line {
  readonly #lab = new Lab();
  readonly #gateway = new Gateway(this.#lab);
  readonly #mirror = Mirror.initial(this.#lab.definition);

  /** Makes a command, which the gateway does not send yet. */
  command(body: (ctx: LabContext) => void): void {
    expectCommand(this.#lab.run(body));
    this.#gateway.apply(this.#lab.commands.at(-1)!);
  }

  /** Sends what was made since the last time as one frame; returns its groups. */
  flush(): Frame['groups'] {
    const bytes = this.#gateway.frame();
    this.#mirror.applyFrame(bytes);
    expectSame(this.#mirror, this.#gateway.state);
    return decodeFrame(bytes).groups;
  }

  /** Sends the last command as it is. */
  bare(): void {
    this.#gateway.bare(this.#mirror, this.#lab.commands.at(-1)!);
  }
}

const placesIn = (groups: Frame['groups']) => groups.map(({ op, places }) => `${op} ${places.join()}`);

/** Everybody moves. */
const walk = ({ world }: LabContext) => {
  for (const row of world.player.rows()) world.player.get(row.id)!.x = row.x + 1;
};

const walkTo = (id: string, x: number) => (ctx: LabContext) => {
  ctx.world.player.get(id)!.x = x;
};

type Step =
  | { readonly kind: 'put' | 'remove' | 'walk' | 'name'; readonly who: number; readonly to: number }
  | { readonly kind: 'drop' | 'take'; readonly coin: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('put' as const, 'remove' as const, 'walk' as const, 'name' as const),
    who: fc.nat(5),
    to: fc.oneof(fc.nat(4), fc.double({ noNaN: true, min: 0, max: 28 })),
  }),
  fc.record({ kind: fc.constantFrom('drop' as const, 'take' as const), coin: fc.nat(4) }),
);

function play(ctx: LabContext, move: Step): void {
  const { player, coin } = ctx.world;
  if ('coin' in move) {
    if (move.kind === 'drop') coin.put({ id: move.coin, x: move.coin });
    else coin.remove(move.coin);
    return;
  }
  const id = `player-${move.who}`;
  const row = player.get(id);
  if (move.kind === 'put') player.put({ id, x: move.to, hp: 9 });
  else if (move.kind === 'remove') player.remove(id);
  else if (row !== undefined && move.kind === 'walk') row.x = move.to;
  else if (row !== undefined) row.name = `n${move.to}`;
}

/** Commands of one or several steps, and after how many of them each flush comes. */
const history = fc.record({
  commands: fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 30 }),
  flushes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 }),
  /** Some intervals reach the client as commands. */
  bare: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
});

function played(commands: readonly (readonly Step[])[]): Lab {
  const lab = new Lab();
  for (const moves of commands) {
    lab.now += 7;
    lab.run((ctx) => {
      for (const move of moves) play(ctx, move);
    });
  }
  return lab;
}

/** A column of nothing. */
const NO_VALUES = {
  ...{
    base: 0,
    shift: 0,
    bytes: new Uint8Array(0),
    shorts: [],
    words: [],
    floats: [],
    doubles: [],
    texts: [],
  },
};

describe('frames', () => {
  it('[SEQ6] are to a mirror what the commands are, row by row and in their order', () => {
    fc.assert(
      fc.property(history, ({ commands, flushes, bare }) => {
        const lab = played(commands);
        const gateway = new Gateway(lab);
        const mirror = Mirror.initial(lab.definition);
        for (let at = 0, turn = 0; at < lab.commands.length; turn++) {
          const run = lab.commands.slice(at, at + flushes[turn % flushes.length]!);
          for (const bytes of run) gateway.apply(bytes);
          const frame = gateway.frame();
          if (bare[turn % 3] && turn % 2 === 1) for (const bytes of run) mirror.apply(bytes);
          else mirror.applyFrame(frame);
          expectSame(mirror, gateway.state);
          at += run.length;
        }
      }),
      { numRuns: 400 },
    );
  });

  it('tell listeners what differs, once a row', () => {
    const lab = new Lab();
    lab.run((ctx) => {
      ctx.world.player.put({ id: 'a', x: 1 });
      ctx.world.player.put({ id: 'b', x: 2 });
    });
    const gateway = new Gateway(lab);
    gateway.apply(lab.commands[0]!);
    const mirror = Mirror.initial(lab.definition);
    mirror.applyFrame(gateway.frame());
    const moves: ((ctx: LabContext) => void)[] = [
      walkTo('a', 5),
      ({ world }) => {
        world.player.get('a')!.y = 6;
      },
      walkTo('b', 9),
      walkTo('b', 2),
      ({ world }) => world.coin.put({ id: 1 }),
      ({ world }) => void world.coin.remove(1),
    ];
    for (const move of moves) lab.run(move);
    for (const bytes of lab.commands.slice(1)) gateway.apply(bytes);
    const { first, last, changes } = mirror.applyFrame(gateway.frame());
    expect([first, last]).toEqual([2, 7]);
    expect(
      changes.map(({ table, key, row, previous }) => [table.name, key, row?.['x'], previous?.['x']]),
    ).toEqual([['player', 'a', 5, 1]]);
    expect(mirror.table('player')!.get('a')).toMatchObject({ x: 5, y: 6 });
  });

  it('[SDK3] are refused where they do not follow, and nothing changes', () => {
    const lab = played([[{ kind: 'put', who: 1, to: 1 }], [{ kind: 'walk', who: 1, to: 2 }]]);
    const gateway = new Gateway(lab);
    gateway.apply(lab.commands[0]!);
    const one = gateway.frame();
    gateway.apply(lab.commands[1]!);
    const two = gateway.frame();
    const mirror = Mirror.initial(lab.definition);
    const before = tablesOf(mirror);
    expect(() => mirror.applyFrame(two)).toThrow(expect.objectContaining({ code: 'gap' }));
    const spoiled = encodeFrame({ ...decodeFrame(one), precedent: 5 });
    expect(() => mirror.applyFrame(spoiled)).toThrow(expect.objectContaining({ code: 'wrong-precedent' }));
    expect(tablesOf(mirror)).toBe(before);
    mirror.applyFrame(one);
    expect(() => mirror.applyFrame(one)).toThrow(expect.objectContaining({ code: 'gap' }));
    mirror.applyFrame(two);
    expectSame(mirror, gateway.state);
  });

  it('[SEQ6] whose values are wrong are noticed by the digest', () => {
    const lab = played([[{ kind: 'put', who: 1, to: 1 }]]);
    const gateway = new Gateway(lab);
    gateway.apply(lab.commands[0]!);
    const frame = decodeFrame(gateway.frame());
    const low = (frame.tables.low ^ 1) >>> 0;
    const spoiled = encodeFrame({ ...frame, tables: { ...frame.tables, low } });
    expect(() => Mirror.initial(lab.definition).applyFrame(spoiled)).toThrow(
      expect.objectContaining({ code: 'digest-mismatch', number: 1 }),
    );
  });

  it.each<readonly [string, (frame: Frame) => Partial<Frame>]>([
    ['an unknown table', ({ groups }) => ({ groups: [{ ...groups[0]!, table: 9 }] })],
    ['table 0', ({ groups }) => ({ groups: [{ ...groups[0]!, table: 0 }] })],
    ['unknown fields', ({ groups }) => ({ groups: [{ ...groups[0]!, fields: 2 ** 31 }] })],
    ['fields without columns', ({ groups }) => ({ groups: [{ ...groups[0]!, columns: [] }] })],
    [
      'a put of some fields',
      ({ groups }) => ({ groups: [{ ...groups[0]!, fields: 1, columns: groups[0]!.columns.slice(0, 1) }] }),
    ],
    [
      'a group of no rows',
      ({ groups }) => ({ groups: [{ ...groups[0]!, columns: groups[0]!.columns.map(() => NO_VALUES) }] }),
    ],
    ['no rows', ({ groups }) => ({ groups: [{ ...groups[0]!, op: 'remove', fields: 0, columns: [] }] })],
    [
      'places nobody has',
      ({ groups }) => ({ groups: [{ ...groups[0]!, op: 'remove', fields: 0, columns: [], places: [7] }] }),
    ],
    ['a patch of no row', ({ groups }) => ({ groups: [{ ...groups[0]!, op: 'patch' }] })],
    ['a removal of no row', ({ groups }) => ({ groups: [{ ...groups[0]!, op: 'remove' }] })],
    ['places and keys', ({ groups }) => ({ groups: [{ ...groups[0]!, places: [0] }] })],
    ['an end before its beginning', () => ({ last: 0 })],
  ])('[EDGE1] are refused with %s', (_, spoil) => {
    const lab = played([[{ kind: 'put', who: 1, to: 1 }]]);
    const gateway = new Gateway(lab);
    gateway.apply(lab.commands[0]!);
    const frame = decodeFrame(gateway.frame());
    const bytes = encodeFrame({ ...frame, ...spoil(frame) });
    expect(() => Mirror.initial(lab.definition).applyFrame(bytes)).toThrow(
      expect.objectContaining({ name: 'MirrorError', code: 'forged' }),
    );
  });

  it('[EDGE1] that are cut short or have a bit flipped are refused, or change nothing that matters', () => {
    const lab = played([
      [
        { kind: 'put', who: 1, to: 1.25 },
        { kind: 'put', who: 2, to: 3 },
        { kind: 'drop', coin: 1 },
      ],
      [
        { kind: 'walk', who: 1, to: 2 },
        { kind: 'remove', who: 2, to: 0 },
        { kind: 'put', who: 3, to: 7.1 },
      ],
    ]);
    const gateway = new Gateway(lab);
    gateway.apply(lab.commands[0]!);
    const one = gateway.frame();
    gateway.apply(lab.commands[1]!);
    const two = gateway.frame();
    const told = new Set<string>();
    fc.assert(
      fc.property(fc.nat(two.length * 8 - 1), fc.option(fc.nat(two.length - 1)), (bit, cut) => {
        const bytes = two.slice(0, cut ?? two.length);
        const at = bit >> 3;
        if (cut === null) bytes[at] = bytes[at]! ^ (1 << (bit & 7));
        const mirror = Mirror.initial(lab.definition);
        mirror.applyFrame(one);
        try {
          mirror.applyFrame(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MirrorError);
          told.add((error as MirrorError).code);
          return;
        }
        // Only what no digest covers: padding, the head's own numbers, another way to say the same.
        expect(mirror.digest).toEqual(gateway.state.digest);
        expect(tablesOf(mirror)).toBe(tablesOf(gateway.state));
      }),
      { numRuns: 3_000 },
    );
    expect([...told].sort()).toEqual(['digest-mismatch', 'forged', 'gap', 'wrong-precedent']);
  });

  it('[EDGE1] any bytes at all are refused by one kind of error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(() => Mirror.initial(arena).applyFrame(bytes)).toThrow(MirrorError);
      }),
    );
  });

  it('name rows by two bytes once that pays, and by keys in between', () => {
    const line = new Line();
    const next = (body: (ctx: LabContext) => void) => {
      line.command(body);
      return placesIn(line.flush());
    };
    next(({ world }) => {
      for (let i = 0; i < 40; i++) world.player.put({ id: `player-${i}` });
    });
    expect(next(walkTo('player-7', 1))).toEqual(['patch ']);
    expect(next(walk)).toEqual(['patch ']);
    expect(next(walkTo('player-7', 9))).toEqual(['patch 7']);
    expect(next(({ world }) => void world.player.remove('player-0'))).toEqual(['remove 0']);
    expect(next(walkTo('player-7', 1))).toEqual(['patch ']);
    expect(next(walk)).toEqual(['patch ']);
    next(({ world }) => void world.player.put({ id: 'late' }));
    expect(next(walkTo('late', 3))).toEqual(['patch 39']);
    expect(next(walkTo('player-7', 22))).toEqual(['patch 6']);
  });

  it('[SEQ6] forget places when a flush went out as commands', () => {
    const line = new Line();
    line.command(({ world }) => {
      for (let i = 0; i < 20; i++) world.player.put({ id: `player-${i}` });
    });
    line.flush();
    line.command(walk);
    line.command(walk);
    line.flush();
    line.command(walkTo('player-7', 3));
    expect(placesIn(line.flush())).toEqual(['patch 7']);
    line.command(({ world }) => void world.player.remove('player-0'));
    line.bare();
    line.command(({ world }) => void world.player.put({ id: 'late' }));
    expect(placesIn(line.flush())).toEqual(['put ']);
    line.command(walkTo('player-7', 4));
    expect(placesIn(line.flush())).toEqual(['patch ']);
  });

  it('name rows by their keys in a table of more rows than two bytes can tell apart', () => {
    const lab = new Lab();
    const type: TableType = lab.definition.schema.tables.coin;
    const coin = (id: number) => type.make({ id });
    const rows = Array.from({ length: PLACED_ROWS }, (_, id) => coin(id));
    const table = {
      type,
      rows: () => rows.values(),
      get size() {
        return rows.length;
      },
    };
    const book = new PlaceBook();
    const follow = (number: number, patched: readonly Row[], put: readonly Row[]) => {
      rows.push(...put);
      const state = { number, table: () => table } as unknown as WorldState;
      book.follow([{ type, removed: [], patched: new Map([[2, patched]]), put }], number - 1, state);
    };
    follow(1, rows.slice(0, PLACED_ROWS / 16), []);
    expect(book.of('coin', 1)?.size).toBe(PLACED_ROWS);
    follow(2, [], [coin(PLACED_ROWS)]);
    expect(book.of('coin', 2)).toBeNull();
  });

  it('few rows of which less differs are written with the many', () => {
    const line = new Line();
    const next = (body: (ctx: LabContext) => void) => {
      line.command(body);
      return line.flush().map(({ columns }) => columnLength(columns[0]!));
    };
    const all =
      (change: (row: { x: number; y: number; name: string }, at: number) => void) => (ctx: LabContext) => {
        for (let i = 0; i < 20; i++) change(ctx.world.player.get(`player-${i}`)!, i);
      };
    next(({ world }) => {
      for (let i = 0; i < 20; i++) world.player.put({ id: `player-${i}` });
    });
    const moved = all((row, at) => {
      row.x += 1;
      if (at > 2) row.y += 1;
    });
    expect(next(moved)).toEqual([20]);
    const named = all((row, at) => {
      row.x += 1;
      if (at > 2) row.name += 'x';
    });
    expect(next(named)).toEqual([3, 17]);
  });

  it('changes that do not follow each other are a fault of the server', () => {
    const lab = played([
      [{ kind: 'put', who: 1, to: 1 }],
      [{ kind: 'walk', who: 1, to: 2 }],
      [{ kind: 'walk', who: 1, to: 3 }],
    ]);
    const state = new WorldState(lab.definition);
    const runs = lab.commands.map((bytes) => state.apply(bytes).changes);
    expect(() => new FrameWriter().write(1, 0, [runs[0]!, runs[2]!], state)).toThrow(/do not follow/);
  });
});
