/** Code of a message file: for each table a plain interface, and encode, decode and verify for the roots. */
import { header, importsText } from './imports.ts';
import {
  type FieldModel,
  find,
  type Model,
  type StructModel,
  type TableModel,
  type TypeModel,
} from './model.ts';
import {
  checkScalar,
  enumText,
  namesOf,
  putScalar,
  readScalar,
  type ScalarModel,
  tsScalar,
  zeroText,
} from './scalars.ts';
import { extent, layoutsText, shapeText } from './shapes.ts';

/** The tables that travel on their own: the root, or every member of the one union that a wrapper root holds. */
function rootsOf(model: Model): readonly TableModel[] {
  const root = find(model.tables, model.root!);
  const value = root.fields[1];
  if (root.fields.length !== 2 || value === undefined || value.type.kind !== 'union' || value.required)
    return [root];
  return find(model.unions, value.type.name)
    .tables.slice(1)
    .map((name) => find(model.tables, name));
}

function isWrapper(model: Model, table: TableModel): boolean {
  return table.written === model.root && !rootsOf(model).includes(table);
}

export function messageText(model: Model): string {
  const roots = rootsOf(model);
  const tables = model.tables.filter((table) => !isWrapper(model, table));
  const unions = model.unions.filter((union) =>
    tables.some((table) =>
      table.fields.some((field) => field.type.kind === 'union' && field.type.name === union.written),
    ),
  );
  const parts = [
    ...model.enums.map(enumText),
    ...model.structs.map((struct) => interfaceText(struct, model)),
    ...tables.map((table) => interfaceText(table, model)),
    ...unions.map((union) => {
      const members = union.tables
        .slice(1)
        .map((name) => `  | ({ readonly kind: '${find(model.tables, name).name}' } & ${name})`);
      return `export type ${union.written} =\n${members.join('\n')};`;
    }),
    shapeText(model),
    'const writer = new Writer();',
    ...tables.map((table) => `const ${table.name}Layouts = ${layoutsText(model, table)};`),
    ...model.structs.flatMap((struct) => [structWriter(struct), structReader(struct)]),
    ...tables.flatMap((table) => [tableWriter(model, table), ...tableReaders(model, table, unions)]),
    ...vectorTypes(tables).map((type) => vectorReader(model, type)),
    ...unions.map(unionReader),
    ...roots.map((table) => rootText(model, table)),
  ];
  const body = parts.join('\n\n');
  return `${header(model.file)}\n${importsText(body)}\n\n${body}\n`;
}

const isBytes = (type: TypeModel) =>
  type.kind === 'vector' &&
  type.of.kind === 'scalar' &&
  type.of.scalar === 'ubyte' &&
  type.of.enumeration === null;

function tsType(type: TypeModel): string {
  switch (type.kind) {
    case 'scalar':
      return tsScalar(type);
    case 'string':
      return 'string';
    case 'vector':
      return isBytes(type) ? 'Uint8Array' : `readonly ${tsType(type.of)}[]`;
    case 'struct':
    case 'table':
    case 'union':
      return type.name;
    default:
      throw new Error(`no type for ${type.kind}`);
  }
}

/** Null stands for an absent struct, table or union; strings and vectors are empty when absent. */
const nullable = (field: FieldModel) =>
  !field.required &&
  (field.type.kind === 'struct' || field.type.kind === 'table' || field.type.kind === 'union');

const live = (table: TableModel) =>
  table.fields.filter((field) => !field.deprecated && field.type.kind !== 'unionType');

function interfaceText(table: TableModel, model: Model): string {
  const isStruct = model.structs.some((struct) => struct === table);
  const lines = live(table).map((field) => {
    const type = tsType(field.type) + (!isStruct && nullable(field) ? ' | null' : '');
    return `  readonly ${field.name}: ${type};`;
  });
  return `export interface ${table.written} {\n${lines.join('\n')}\n}`;
}

const memberAt = (base: string, offset: number) => (offset === 0 ? base : `${base} + ${offset}`);

function structWriter(struct: StructModel): string {
  const lines = struct.fields.map((field) => {
    const at = memberAt('p', field.offset);
    if (field.type.kind === 'struct') return `  put${field.type.name}(v, ${at}, o.${field.name});`;
    return `  ${putChecked(field.type as ScalarModel, at, `${struct.name}.${field.name}`, `o.${field.name}`)}`;
  });
  return `function put${struct.written}(v: DataView, p: number, o: ${struct.written}): void {\n${lines.join('\n')}\n}`;
}

function structReader(struct: StructModel): string {
  const lines = struct.fields.map((field) => {
    const at = memberAt('p', field.offset);
    const value =
      field.type.kind === 'struct'
        ? `get${field.type.name}(v, ${at})`
        : readScalar(field.type as ScalarModel, at);
    return `    ${field.name}: ${value},`;
  });
  return `function get${struct.written}(v: DataView, p: number): ${struct.written} {\n  return {\n${lines.join('\n')}\n  };\n}`;
}

/** Checks and writes a scalar of a message. */
function putChecked(type: ScalarModel, at: string, where: string, value: string): string {
  if (type.enumeration !== null) {
    return `v.setUint8(${at}, enumOf('${where}', ${namesOf(type.enumeration)}, ${value}));`;
  }
  return putScalar(type, at, checkScalar(type, where, value));
}

/** The condition under which a field is written; null: always. */
function presence(field: FieldModel): string | null {
  const value = `o.${field.name}`;
  if (field.required) return null;
  switch (field.type.kind) {
    case 'scalar':
      return field.type.scalar === 'bool' ? `${value}` : `${value} !== ${zeroText(field.type)}`;
    case 'string':
      return `${value} !== ''`;
    case 'vector':
      return `${value}.length !== 0`;
    default:
      return `${value} !== null`;
  }
}

/** Bits of a field; a union's type goes with its value. */
const bits = (field: FieldModel) => (1 << field.id) | (field.type.kind === 'union' ? 1 << (field.id - 1) : 0);

function tableWriter(model: Model, table: TableModel): string {
  const fields = live(table);
  const always = fields
    .filter((field) => presence(field) === null)
    .reduce((mask, field) => mask | bits(field), 0);
  const sometimes = fields.filter((field) => presence(field) !== null);
  const lines = [
    sometimes.length === 0 ? `const mask = ${always};` : `let mask = ${always};`,
    ...sometimes.map((field) => `if (${presence(field)}) mask |= ${bits(field)};`),
    `const layout = ${table.name}Layouts.of(mask);`,
    'const t = w.table(layout);',
  ];
  if (fields.length > 0) lines.push('const at = layout.at;');
  const inline = fields.filter((field) => field.type.kind === 'scalar' || field.type.kind === 'struct');
  if (inline.length > 0) lines.push('const v = w.view;');
  for (const field of [...inline, ...fields.filter((one) => !inline.includes(one))]) {
    const statement = fieldWriter(model, table, field);
    const guard = presence(field) === null ? '' : `if ((mask & ${1 << field.id}) !== 0) `;
    lines.push(guard + statement);
  }
  lines.push('return t;');
  const argument = fields.length === 0 ? '_' : 'o';
  return `function write${table.written}(w: Writer, ${argument}: ${table.written}): number {\n${indent(lines)}\n}`;
}

const indent = (lines: readonly string[]) =>
  lines.map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n');

function fieldWriter(model: Model, table: TableModel, field: FieldModel): string {
  const at = `t + at[${field.id}]!`;
  const value = `o.${field.name}`;
  const where = `${table.name}.${field.name}`;
  switch (field.type.kind) {
    case 'scalar':
      return putChecked(field.type, at, where, value);
    case 'struct':
      return `put${field.type.name}(v, ${at}, ${value}${field.required ? '' : '!'});`;
    case 'string':
      return `w.text(${at}, ${value}, '${where}');`;
    case 'table':
      return `w.link(${at}, write${field.type.name}(w, ${value}${field.required ? '' : '!'}));`;
    case 'union':
      return unionWriter(model, field, value);
    default:
      return vectorWriter(model, field, at, where, value);
  }
}

function unionWriter(model: Model, field: FieldModel, value: string): string {
  const union = find(model.unions, (field.type as { name: string }).name);
  const cases = union.tables.slice(1).map(
    (name, i) => `    case '${find(model.tables, name).name}':
      w.view.setUint8(t + at[${field.id - 1}]!, ${i + 1});
      w.link(t + at[${field.id}]!, write${name}(w, body));
      break;`,
  );
  return `{
  const body = ${value}${field.required ? '' : '!'};
  switch (body.kind) {
${cases.join('\n')}
  }
}`;
}

function vectorWriter(model: Model, field: FieldModel, at: string, where: string, value: string): string {
  const of = (field.type as { of: TypeModel }).of;
  const { size, align } = extent(model, of);
  if (isBytes(field.type)) return `w.blob(${at}, ${value}, ${field.forceAlign ?? 1});`;
  const each = {
    string: () => `w.text(p, one, '${where}');`,
    table: () => `w.link(p, write${(of as { name: string }).name}(w, one));`,
    struct: () => `put${(of as { name: string }).name}(v, p, one);`,
    scalar: () => putChecked(of as ScalarModel, 'p', where, 'one'),
  }[of.kind as 'string' | 'table' | 'struct' | 'scalar']();
  const view = of.kind === 'struct' || of.kind === 'scalar' ? '  const v = w.view;\n' : '';
  return `{
  let p = w.vector(${at}, ${value}.length, ${size}, ${Math.max(align, field.forceAlign ?? 1)});
${view}  for (const one of ${value}) {
    ${each}
    p += ${size};
  }
}`;
}

/** One literal with every field of the table at `t`, and a `kind` where it is read as a union's value. */
function tableReader(table: TableModel, name: string, kind: string | null): string {
  const fields = live(table);
  const type = kind === null ? table.written : `{ readonly kind: '${kind}' } & ${table.written}`;
  const literal = fields.map((field) => `    ${field.name}: ${fieldReader(field)},`);
  if (kind !== null) literal.unshift(`    kind: '${kind}',`);
  const places = fields.map((field) => `  const p${field.id} = entryAt(v, t, vt, n, ${4 + 2 * field.id});`);
  const source = fields.length === 0 ? '_s: Source, _t: number' : 's: Source, t: number';
  const head =
    fields.length === 0
      ? []
      : [
          '  const v = s.view;',
          '  const vt = t - v.getInt32(t, true);',
          '  const n = v.getUint16(vt, true);',
        ];
  return [
    `function ${name}(${source}): ${type} {`,
    ...head,
    ...places,
    '  return {',
    ...literal,
    '  };',
    '}',
  ].join('\n');
}

function fieldReader(field: FieldModel): string {
  const p = `p${field.id}`;
  const type = field.type;
  const orNull = (value: string) => (field.required ? value : `${p} === 0 ? null : ${value}`);
  switch (type.kind) {
    case 'scalar':
      return `${p} === 0 ? ${zeroText(type)} : ${readScalar(type, p)}`;
    case 'string':
      return `readText(s, ${p})`;
    case 'struct':
      return orNull(`get${type.name}(v, ${p})`);
    case 'table':
      return orNull(`read${type.name}(s, target(v, ${p}))`);
    case 'union':
      return orNull(
        `read${type.name}(s, v.getUint8(entryAt(v, t, vt, n, ${2 + 2 * field.id})), target(v, ${p}))`,
      );
    default:
      return isBytes(type) ? `readBlob(s, ${p})` : `${vectorName(type)}(s, ${p})`;
  }
}

/** One reader for all vectors of one element type. */
function vectorName(type: TypeModel): string {
  const of = (type as { of: TypeModel }).of;
  if (of.kind === 'scalar') {
    return `read${of.enumeration?.written ?? `${of.scalar.charAt(0).toUpperCase()}${of.scalar.slice(1)}`}List`;
  }
  return `read${of.kind === 'string' ? 'Text' : (of as { name: string }).name}List`;
}

/** The vectors of these tables, one of each element type; bytes have a reader of their own. */
function vectorTypes(tables: readonly TableModel[]): TypeModel[] {
  const types = new Map<string, TypeModel>();
  for (const field of tables.flatMap(live)) {
    if (field.type.kind === 'vector' && !isBytes(field.type)) types.set(vectorName(field.type), field.type);
  }
  return [...types.values()];
}

function vectorReader(model: Model, type: TypeModel): string {
  const of = (type as { of: TypeModel }).of;
  const { size } = extent(model, of);
  const each = {
    string: () => 'readText(s, p)',
    table: () => `read${(of as { name: string }).name}(s, target(v, p))`,
    struct: () => `get${(of as { name: string }).name}(v, p)`,
    scalar: () => readScalar(of as ScalarModel, 'p'),
  }[of.kind as 'string' | 'table' | 'struct' | 'scalar']();
  return `function ${vectorName(type)}(s: Source, slot: number): ${tsType(of)}[] {
  if (slot === 0) return [];
  const v = s.view;
  const at = target(v, slot);
  const list = new Array<${tsType(of)}>(v.getUint32(at, true));
  for (let i = 0, p = at + 4; i < list.length; i++, p += ${size}) list[i] = ${each};
  return list;
}`;
}

type Unions = Model['unions'];

function tableReaders(model: Model, table: TableModel, unions: Unions): string[] {
  const readers: string[] = [];
  const nested = model.tables.some((one) =>
    one.fields.some(({ type }) => {
      const inner = type.kind === 'vector' ? type.of : type;
      return inner.kind === 'table' && inner.name === table.written;
    }),
  );
  if (nested || rootsOf(model).includes(table))
    readers.push(tableReader(table, `read${table.written}`, null));
  for (const union of unions) {
    if (union.tables.includes(table.written)) {
      readers.push(tableReader(table, `read${union.written}${table.written}`, table.name));
    }
  }
  return readers;
}

function unionReader(union: Unions[number]): string {
  const members = union.tables.slice(1);
  const cases = members
    .slice(0, -1)
    .map((name, i) => `    case ${i + 1}:\n      return read${union.written}${name}(s, t);`);
  return `/** The verifier has let pass the types of the union only. */
function read${union.written}(s: Source, type: number, t: number): ${union.written} {
  switch (type) {
${cases.join('\n')}
    default:
      return read${union.written}${members.at(-1)}(s, t);
  }
}`;
}

function rootText(model: Model, table: TableModel): string {
  const name = table.written;
  const index = model.tables.indexOf(table);
  // Messages that travel on their own are verified when they are decoded; only a file's root is ever verified alone.
  const verifier = `

/** Throws SchemaError \`forged\` unless every field of \`bytes\` may be read. */
export function verify${name}(bytes: Uint8Array, prefixed = false): void {
  verify(SHAPE, ${index}, sourceOf(bytes), bytes.byteOffset, bytes.length, prefixed);
}`;
  return `/** \`prefixed\`: the length stands before the bytes, which are padded to a multiple of 8. Throws SchemaError \`bad-value\`. */
export function encode${name}(value: ${name}, prefixed = false): Uint8Array {
  writer.begin(prefixed);
  return writer.finish(write${name}(writer, value), prefixed);
}

/** Verifies unless \`trusted\`; vectors of bytes are subarrays of \`bytes\`, not copies. Throws SchemaError \`forged\`. */
export function decode${name}(bytes: Uint8Array, prefixed = false, trusted = false): ${name} {
  const s = sourceOf(bytes);
  const start = bytes.byteOffset;
  if (trusted) return read${name}(s, target(s.view, prefixed ? start + 4 : start));
  return read${name}(s, verify(SHAPE, ${index}, s, start, bytes.length, prefixed));
}${table.written === model.root ? verifier : ''}`;
}
