import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arenaSchema, type PlayerDraft, type PlayerRow } from '../../schemas/generated/arena.ts';
import { warehouseSchema } from '../../schemas/generated/warehouse.ts';
import { SchemaError } from '../../schemas/support/errors.ts';
import type { Change, Draft, Row, TableType, WorldSchema } from '../../schemas/support/types.ts';
import { printable, row } from './arbitraries.ts';
import { flatcBytes, flatcJson, modelOf } from './flatc.ts';
import { readGeneric } from './generic-reader.ts';

const worlds: readonly { name: string; schema: WorldSchema }[] = [
  { name: 'arena', schema: arenaSchema },
  { name: 'warehouse', schema: warehouseSchema },
];

/** Any change of one table; a patch's row holds defaults where the mask has no bit. */
function change(table: TableType): fc.Arbitrary<Change> {
  const full = 2 ** table.fields.length - 1 - (1 << table.keyIndex);
  return fc
    .record({
      op: fc.constantFrom('put', 'patch', 'remove'),
      row: row(table),
      bits: fc.nat(2 ** table.fields.length - 1),
    })
    .map(({ op, row: values, bits }): Change => {
      const key = table.keyOf(values);
      if (op === 'remove') return { table, op, key };
      if (op === 'put') return { table, op, key, row: values };
      const mask = bits & full;
      return {
        table,
        op: 'patch',
        key,
        mask,
        row: table.merge(table.make({ [table.key]: key }), values, mask),
      };
    });
}

const changesOf = (schema: WorldSchema) =>
  fc.array(fc.oneof(...Object.values(schema.tables).map(change)), { maxLength: 6 });

describe.each(worlds)('deltas of $name', ({ name, schema }) => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(changesOf(schema), (changes) => {
        const bytes = schema.encodeDelta(changes);
        expect(schema.decodeDelta(bytes)).toEqual(changes);
        expect(schema.decodeDelta(bytes, true)).toEqual(changes);
      }),
      { numRuns: 400 },
    );
  });

  it('are read alike by the official runtime, absent fields as absent', async () => {
    const model = await modelOf(name);
    fc.assert(
      fc.property(changesOf(schema), (changes) => {
        const read = readGeneric(model, 'Delta', schema.encodeDelta(changes)) as {
          changes: { op: string; row: object }[];
        };
        expect(read.changes.length).toBe(changes.length);
        changes.forEach(({ table, op, key, row: values }, i) => {
          const seen = read.changes[i]!;
          expect(seen.op).toBe(op);
          const expected = values ?? table.make({ [table.key]: key });
          expect(seen.row).toEqual({
            kind: table.name,
            ...expected,
            ...('kind' in expected ? { kind: expected['kind'] } : {}),
          });
        });
      }),
      { numRuns: 200 },
    );
  });

  it('survive the way through flatc and JSON', () => {
    const root = `throughline.${name}.Delta`;
    for (const sample of fc.sample(changesOf(schema), { numRuns: 15, seed: 3 })) {
      const changes = sample.map((one) =>
        one.row === undefined ? one : { ...one, row: printable(one.row) },
      );
      const json = flatcJson(name, root, schema.encodeDelta(changes));
      expect(schema.decodeDelta(flatcBytes(name, root, json))).toEqual(changes);
    }
  });
});

describe('deltas', () => {
  const { warehouse } = warehouseSchema.tables;

  it('refuse rows and tables that do not belong', () => {
    const { player } = arenaSchema.tables;
    const encode = (one: Change) => () => warehouseSchema.encodeDelta([one]);
    expect(encode({ table: player, op: 'remove', key: 'a' })).toThrow('player: a table of another world');
    expect(encode({ table: warehouse, op: 'put', key: 'A' })).toThrow('warehouse: a put without a row');
    expect(encode({ table: warehouse, op: 'put', key: 'A', row: warehouse.make({ id: 'B' }) })).toThrow(
      'warehouse: a put of key A with the row of another key',
    );
    expect(encode({ table: warehouse, op: 'patch', key: 'A', row: warehouse.make({}), mask: 4 })).toThrow(
      'warehouse: mask 4 has unknown fields',
    );
  });

  it('[EDGE1] a put must hold every field', () => {
    const bytes = flatcBytes('warehouse', 'throughline.warehouse.Delta', {
      changes: [{ op: 'put', row_type: 'Warehouse', row: { id: 'A' } }],
    });
    expect(() => warehouseSchema.decodeDelta(bytes)).toThrow('warehouse: a put without field amount');
  });
});

describe('rows', () => {
  const { player } = arenaSchema.tables;

  it('are made whole from some of their fields', () => {
    expect(player.make({ id: 'a', x: 0.1, hp: 3 })).toMatchObject({
      id: 'a',
      name: '',
      kind: 'human',
      x: Math.fround(0.1),
      y: 0,
      hp: 3,
      alive: false,
    });
    expect(Object.is(player.make({ hp: -0 }).hp, 0)).toBe(true);
    expect(Object.keys(player.make({}))).toEqual(player.fields.map((field) => field.name));
  });

  it('refuse unknown fields and values that do not fit', () => {
    const make = (values: object) => () => player.make(values as Partial<PlayerRow>);
    expect(make({ hitpoints: 3 })).toThrow(/^player.hitpoints: no such field; the table has id, name, kind/);
    expect(make({ hp: '3' })).toThrow('player.hp: expected an integer from 0 to 255, got the string "3"');
    expect(make({ hp: 256 })).toThrow('player.hp: expected an integer from 0 to 255, got 256');
    expect(make({ kind: 'orc' })).toThrow('player.kind: expected one of human, bot, got the string "orc"');
    expect(make({ x: 1e39 })).toThrow(
      'player.x: expected a finite number that fits a 32-bit float, got 1e+39',
    );
    expect(make({ alive: 1 })).toThrow('player.alive: expected true or false, got 1');
    expect(make({ name: 'a\ud800' })).toThrow(/player.name: expected a string without lone surrogates/);
    expect(make({ name: 'x'.repeat(65_537) })).toThrow(/a string of 65537 characters; at most 65536/);
    expect(make({ hp: null })).toThrow('player.hp: expected an integer from 0 to 255, got null');
  });

  it('merge takes the masked fields and keeps the key', () => {
    const old = player.make({ id: 'a', hp: 1, name: 'A' });
    const merged = player.merge(old, player.make({ id: 'b', hp: 9, name: 'B' }), 1 | 2);
    expect(merged).toEqual({ ...old, name: 'B' });
    expect(old.name).toBe('A');
  });
});

describe('drafts', () => {
  const { player } = arenaSchema.tables;
  const original = player.make({ id: 'a', name: 'A', hp: 10, x: 1 });
  const begin = () => {
    const touched: Draft[] = [];
    const draft: PlayerDraft = player.draft(original, { touch: (one) => touched.push(one) });
    return { draft, touched };
  };
  const bit = (name: string) => 1 << player.fields.findIndex((field) => field.name === name);

  it('copy on the first write, ask the owner once, remember the fields', () => {
    const { draft, touched } = begin();
    expect(draft.$row).toBe(original);
    draft.hp -= 3;
    draft.hp -= 1;
    draft.name = 'B';
    expect(touched).toEqual([draft]);
    expect(original.hp).toBe(10);
    expect(draft.hp).toBe(6);
    expect(draft.$row).toEqual({ ...original, hp: 6, name: 'B' });
    expect(draft.$mask).toBe(bit('hp') | bit('name'));
    expect([draft.$key, draft.$table]).toEqual(['a', player]);
  });

  it('setting an equal value is nothing at all', () => {
    const { draft, touched } = begin();
    draft.hp = 10;
    draft.x = 1 + 1e-12;
    draft.y = -0;
    draft.name = 'A';
    expect([draft.$mask, draft.$row, touched]).toEqual([0, original, []]);
    draft.x = -0;
    expect(Object.is(draft.x, 0)).toBe(true);
  });

  it('round floats to their width at once', () => {
    const { draft } = begin();
    draft.x = 0.1;
    expect(draft.x).toBe(Math.fround(0.1));
  });

  it('a wrong value or a no of the owner changes nothing', () => {
    const { draft, touched } = begin();
    const loose = draft as unknown as { [field: string]: unknown };
    for (const [field, value] of [
      ['hp', -1],
      ['hp', Number.NaN],
      ['hp', '10'],
      ['x', Number.POSITIVE_INFINITY],
      ['x', undefined],
      ['kind', 'x'],
      ['name', 7],
    ] as const) {
      expect(() => {
        loose[field] = value;
      }).toThrow(SchemaError);
    }
    expect(() => {
      loose['id'] = 'b';
    }).toThrow(TypeError);
    expect([draft.$mask, draft.$row, touched]).toEqual([0, original, []]);

    const forbidden = player.draft(original, {
      touch() {
        throw new Error('read only');
      },
    });
    expect(() => {
      forbidden.hp = 1;
    }).toThrow('read only');
    expect([forbidden.$mask, forbidden.$row]).toEqual([0, original]);
  });

  it('types: a table gives typed rows and drafts', () => {
    const typed: number = begin().draft.hp;
    const asRow: Row = original;
    expect(typeof typed).toBe(typeof asRow['hp']);
  });
});
