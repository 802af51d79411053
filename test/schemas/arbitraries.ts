/** Random values for the codecs, by the schema's own model where there are many. */
import fc from 'fast-check';
import { type FieldModel, find, type Model, type TypeModel } from '../../schemas/generate/model.ts';
import type { Envelope } from '../../schemas/support/command-types.ts';
import type { FieldType, Row, TableType } from '../../schemas/support/types.ts';
import { INTEGER_RANGE } from '../../schemas/support/values.ts';

/** Strings with a UTF-8 form: of every plane, and often short and plain. */
export const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', 'é', '漢字', '🦊🦊', '\u0000', 'a\u{10ffff}'),
);

export const bytes = fc.uint8Array({ maxLength: 40 });

export function scalar(type: FieldType, values?: readonly string[]): fc.Arbitrary<string | number | boolean> {
  if (values !== undefined) return fc.constantFrom(...values);
  const range = INTEGER_RANGE[type];
  if (range !== undefined) {
    const [min, max] = range;
    return fc.oneof(
      fc.constantFrom(min, max, 0),
      max > 0xffff_ffff
        ? fc.maxSafeInteger().map((n) => (min < 0 ? n : Math.abs(n)))
        : fc.integer({ min, max: Math.min(max, 0x7fff_ffff) }),
    );
  }
  if (type === 'string') return text;
  if (type === 'bool') return fc.boolean();
  const float =
    type === 'float'
      ? fc.float({ noNaN: true, noDefaultInfinity: true })
      : fc.double({ noNaN: true, noDefaultInfinity: true });
  // Rows hold no -0.
  return float.map((n) => n + 0);
}

/** Any row of a state table. */
export function row<R extends Row>(table: TableType<R>): fc.Arbitrary<R> {
  return fc.record(
    Object.fromEntries(table.fields.map((field) => [field.name, scalar(field.type, field.values)])),
  ) as unknown as fc.Arbitrary<R>;
}

/** Any object for a table of a message file, as its codec wants it. */
export function message(model: Model, table: string): fc.Arbitrary<{ [field: string]: unknown }> {
  const fields = find(model.tables, table).fields.filter(
    (field) => !field.deprecated && field.type.kind !== 'unionType',
  );
  return fc.record(Object.fromEntries(fields.map((field) => [field.name, ofField(model, field)])));
}

function ofField(model: Model, field: FieldModel): fc.Arbitrary<unknown> {
  const any = ofType(model, field.type);
  const nullable = ['struct', 'table', 'union'].includes(field.type.kind) && !field.required;
  return nullable ? fc.option(any, { freq: 3 }) : any;
}

function ofType(model: Model, type: TypeModel): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'scalar':
      return scalar(type.scalar, type.enumeration?.values);
    case 'string':
      return text;
    case 'struct':
      return fc.record(
        Object.fromEntries(
          find(model.structs, type.name).fields.map((field) => [field.name, ofType(model, field.type)]),
        ),
      );
    case 'table':
      return message(model, type.name);
    case 'union':
      return fc.oneof(
        ...find(model.unions, type.name)
          .tables.slice(1)
          .map((name) => {
            const kind = find(model.tables, name).name;
            return message(model, name).map((fields) => ({ kind, ...fields }));
          }),
      );
    case 'vector':
      if (type.of.kind === 'scalar' && type.of.scalar === 'ubyte') return bytes;
      return fc.array(ofType(model, type.of), { maxLength: 4 });
    default:
      throw new Error(`no arbitrary for ${type.kind}`);
  }
}

const ulong = scalar('ulong') as fc.Arbitrary<number>;
const uint = fc.nat(0xffff_ffff);
const digest = fc.record({ low: uint, high: uint });

export const envelope: fc.Arbitrary<Envelope> = fc.record({
  number: ulong,
  born: ulong,
  precedent: ulong,
  time: scalar('double') as fc.Arbitrary<number>,
  session: text,
  sequence: ulong,
  origin: fc.option(fc.record({ region: uint, request: uint })),
  action: text,
  result: fc.json(),
  delta: fc.option(fc.uint8Array({ minLength: 1, maxLength: 80 })),
  timersSet: fc.array(
    fc.record({ id: ulong, due: scalar('double') as fc.Arbitrary<number>, name: text, args: text }),
    { maxLength: 3 },
  ),
  timerFired: ulong,
  timersCancelled: fc.array(ulong, { maxLength: 3 }),
  tables: digest,
  system: digest,
});

/** The value with floats that survive flatc's JSON, which prints twelve decimals and no exponent: 64ths, not too large. */
export function printable<T>(value: T): T {
  if (typeof value === 'number') {
    const safe = Number.isSafeInteger(value) ? value : Math.trunc((value % 1_000) * 64) / 64 + 0;
    return safe as T;
  }
  if (Array.isArray(value)) return value.map(printable) as T;
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, printable(one)])) as T;
}
