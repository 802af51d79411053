/** Code of a world file: rows, drafts, tables, actions, and the WorldSchema that ties them together. */
import { header, importsText } from './imports.ts';
import { camel, type FieldModel, find, type Model, type TableModel } from './model.ts';
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
import { layoutsText, shapeText } from './shapes.ts';

const members = (model: Model, union: string) =>
  find(model.unions, union)
    .tables.slice(1)
    .map((name) => find(model.tables, name));

export function worldText(model: Model): string {
  const tables = members(model, 'Row');
  const actions = members(model, 'Action');
  const enums = model.enums.filter((one) => one.written !== 'Op');
  const parts = [
    ...enums.map(enumText),
    shapeText(model),
    'const writer = new Writer();',
    ...tables.flatMap((table, i) => [
      rowText(table),
      fieldsText(table),
      draftText(table),
      codecText(model, table, i + 1),
    ]),
    ...actions.flatMap((action) => [argsText(action), fieldsText(action)]),
    ...actions.map((action, i) => actionText(model, action, i + 1)),
    schemaText(model, tables, actions),
  ];
  const body = parts.join('\n\n');
  return `${header(model.file)}\n${importsText(body)}\n\n${body}\n`;
}

const tsOf = (field: FieldModel) =>
  field.type.kind === 'string' ? 'string' : tsScalar(field.type as ScalarModel);
const zeroOf = (field: FieldModel) =>
  field.type.kind === 'string' ? `''` : zeroText(field.type as ScalarModel);
const lines = (list: readonly string[]) => list.join('\n');
const kept = (table: TableModel) => table.fields.filter((field) => !field.deprecated);

function rowText(table: TableModel): string {
  return `export type ${table.written}Row = {
${lines(table.fields.map((field) => `  readonly ${field.name}: ${tsOf(field)};`))}
};`;
}

function fieldsText(table: TableModel): string {
  const fields = kept(table).map((field) => {
    if (field.type.kind === 'string') return `  { name: '${field.name}', type: 'string' },`;
    const type = field.type as ScalarModel;
    const values = type.enumeration === null ? '' : `, values: ${namesOf(type.enumeration)}`;
    return `  { name: '${field.name}', type: '${type.scalar}'${values} },`;
  });
  if (fields.length === 0) return `const ${table.name}Fields: readonly Field[] = [];`;
  return `const ${table.name}Fields: readonly Field[] = [\n${lines(fields)}\n];`;
}

const checkedText = (table: TableModel, field: FieldModel, value: string) =>
  field.type.kind === 'string'
    ? `stringOf('${table.name}.${field.name}', ${value})`
    : checkScalar(field.type as ScalarModel, `${table.name}.${field.name}`, value);

function draftText(table: TableModel): string {
  const { written, name } = table;
  const accessors = table.fields.map((field) => {
    const getter = `  get ${field.name}(): ${tsOf(field)} {
    return this.$row.${field.name};
  }`;
    if (field.key) return getter;
    return `${getter}

  set ${field.name}(value: ${tsOf(field)}) {
    if (value === this.$row.${field.name}) return;
    const kept = ${checkedText(table, field, 'value')};
    if (kept !== this.$row.${field.name}) this.$edit(${1 << field.id}).${field.name} = kept;
  }`;
  });
  const key = table.fields.find((field) => field.key)!;
  return `type ${written}Copy = { -readonly [F in keyof ${written}Row]: ${written}Row[F] };

function copy${written}(row: ${written}Row): ${written}Copy {
  return {
${lines(table.fields.map((field) => `    ${field.name}: row.${field.name},`))}
  };
}

export class ${written}Draft implements Draft {
  readonly $key: ${tsOf(key)};
  $row: ${written}Row;
  $mask = 0;
  private readonly $owner: DraftOwner;

  constructor(row: ${written}Row, owner: DraftOwner) {
    this.$key = row.${key.name};
    this.$row = row;
    this.$owner = owner;
  }

  get $table(): TableType<${written}Row, ${written}Draft> {
    return ${name}Table;
  }

  private $edit(bit: number): ${written}Copy {
    if (this.$mask === 0) {
      this.$owner.touch(this);
      this.$row = copy${written}(this.$row);
    }
    this.$mask |= bit;
    return this.$row;
  }

${accessors.join('\n\n')}
}`;
}

function hashLine(field: FieldModel, index: number): string {
  if (field.type.kind === 'string') return `hashText(${index}, row.${field.name});`;
  const type = field.type as ScalarModel;
  if (type.enumeration !== null)
    return `hashNumber(${index}, ${namesOf(type.enumeration)}.indexOf(row.${field.name}));`;
  return `${type.scalar === 'bool' ? 'hashBool' : 'hashNumber'}(${index}, row.${field.name});`;
}

/** Writes the field from `value`; strings come last, for they may move the view. */
function writeLine(table: TableModel, field: FieldModel, value: string): string {
  const at = `t + at[${field.id}]!`;
  if (field.type.kind === 'string') return `w.text(${at}, ${value}, '${table.name}.${field.name}');`;
  const type = field.type as ScalarModel;
  return putScalar(
    type,
    at,
    type.enumeration === null ? value : `enumOf('', ${namesOf(type.enumeration)}, ${value})`,
  );
}

function writerText(table: TableModel, key: FieldModel): string {
  const isText = (field: FieldModel) => field.type.kind === 'string';
  const others = table.fields.filter((field) => field !== key);
  const fixed = (field: FieldModel) =>
    `if ((mask & ${1 << field.id}) !== 0) ${writeLine(table, field, `row.${field.name}`)}`;
  const typed = tsOf(key);
  const scalars = [
    ...(isText(key) ? [] : [writeLine(table, key, `key as ${typed}`)]),
    ...others.filter((field) => !isText(field)).map((field) => fixed(field)),
  ];
  const texts = [
    ...(isText(key) ? [writeLine(table, key, `key as ${typed}`)] : []),
    ...others.filter(isText).map((field) => fixed(field)),
  ];
  const guarded = [...scalars, ...texts].map((line) => line.replaceAll('row.', 'row!.'));
  return `  write(w: Writer, key: Key, row: ${table.written}Row | undefined, mask: number): number {
    const layout = ${table.name}Layouts.of(mask | ${1 << key.id});
    const t = w.table(layout);
    const at = layout.at;
${scalars.length > 0 ? '    const v = w.view;\n' : ''}${lines(guarded.map((line) => `    ${line}`))}
    return t;
  },`;
}

/** `over`: the row from which absent fields are taken; by default they are zero. */
function readLines(table: TableModel, over = ''): string {
  const fields = kept(table);
  if (fields.length === 0) return '    return {};';
  const read = (field: FieldModel) => {
    const place = `p${field.id}`;
    const text = field.type.kind === 'string';
    if (over !== '' && field.key) return `row.${field.name}`;
    if (over === '' && text) return `readText(s, ${place})`;
    const absent = over === '' ? zeroOf(field) : `${over}.${field.name}`;
    return `${place} === 0 ? ${absent} : ${text ? `readText(s, ${place})` : readScalar(field.type as ScalarModel, place)}`;
  };
  const placed = over === '' ? fields : fields.filter((field) => !field.key);
  return `    const v = s.view;
    const vt = t - v.getInt32(t, true);
    const n = v.getUint16(vt, true);
${lines(placed.map((field) => `    const p${field.id} = entryAt(v, t, vt, n, ${4 + 2 * field.id});`))}
    return {
${lines(fields.map((field) => `      ${field.name}: ${read(field)},`))}
    };`;
}

function codecText(model: Model, table: TableModel, code: number): string {
  const { written, name, fields } = table;
  const key = fields.find((field) => field.key)!;
  const full = fields.reduce((mask, field) => mask | (1 << field.id), 0);
  const readKey =
    key.type.kind === 'string'
      ? `readText(s, fieldAt(s.view, t, ${key.id}))`
      : `p === 0 ? 0 : ${readScalar(key.type as ScalarModel, 'p')}`;
  const keyPlace =
    key.type.kind === 'string' ? '' : `    const v = s.view;\n    const p = fieldAt(v, t, ${key.id});\n`;
  return `const ${name}Layouts = ${layoutsText(model, table)};

const ${name}Table: RowCodec<${written}Row, ${written}Draft> = {
  name: '${name}',
  code: ${code},
  fields: ${name}Fields,
  key: '${key.name}',
  keyIndex: ${key.id},
  keyBit: ${1 << key.id},
  full: ${full},

  make(values) {
    onlyFields('${name}', ${name}Fields, values);
    return {
${lines(
  fields.map(
    (field) =>
      `      ${field.name}: values.${field.name} === undefined ? ${zeroOf(field)} : ${checkedText(table, field, `values.${field.name}`)},`,
  ),
)}
    };
  },

  keyOf: (row) => row.${key.name},
  draft: (row, owner) => new ${written}Draft(row, owner),

  merge(row, patch, mask) {
    return {
${lines(
  fields.map((field) =>
    field.key
      ? `      ${field.name}: row.${field.name},`
      : `      ${field.name}: (mask & ${1 << field.id}) === 0 ? row.${field.name} : patch.${field.name},`,
  ),
)}
    };
  },

  diff(before, after) {
    let mask = 0;
${lines(
  fields
    .filter((field) => !field.key)
    .map((field) => `    if (before.${field.name} !== after.${field.name}) mask |= ${1 << field.id};`),
)}
    return mask;
  },

  hash(row, digest, sign) {
    hashBegin(${code});
${lines(fields.map((field, i) => `    ${hashLine(field, i)}`))}
    hashFinish(digest, sign);
  },

${writerText(table, key)}

  read(s: Source, t: number): ${written}Row {
${readLines(table)}
  },

  readOver(s: Source, t: number, row: ${table.written}Row): ${table.written}Row {
${readLines(table, 'row')}
  },

  readKey(s: Source, t: number): ${tsOf(key)} {
${keyPlace}    return ${readKey};
  },
};`;
}

/** What a function is given, and what a caller may leave out: optional strings. */
function argsText(action: TableModel): string {
  const fields = kept(action);
  const optional = (field: FieldModel) => (field.type.kind === 'string' && !field.required ? '?' : '');
  if (fields.length === 0) {
    return `export type ${action.written}Args = { readonly [name: string]: never };
export type ${action.written}Input = ${action.written}Args;`;
  }
  return `export type ${action.written}Args = {
${lines(fields.map((field) => `  readonly ${field.name}: ${tsOf(field)};`))}
};
export type ${action.written}Input = {
${lines(fields.map((field) => `  readonly ${field.name}${optional(field)}: ${tsOf(field)};`))}
};`;
}

function actionText(model: Model, action: TableModel, code: number): string {
  const { name, written } = action;
  const fields = kept(action);
  const required = fields.reduce(
    (mask, field, i) => (field.required || field.type.kind !== 'string' ? mask | (1 << i) : mask),
    0,
  );
  const source = fields.length === 0 ? '' : 's: Source, t: number';
  return `const ${name}Action: ActionCodec = {
  name: '${name}',
  code: ${code},
  fields: ${name}Fields,
  ids: [${fields.map((field) => field.id).join(', ')}],
  required: ${required},
  layouts: ${layoutsText(model, action)},
  read(${source}): ${written}Args {
${readLines(action)}
  },
};`;
}

function schemaText(model: Model, tables: readonly TableModel[], actions: readonly TableModel[]): string {
  const name = camel(model.name);
  const Name = name.charAt(0).toUpperCase() + name.slice(1);
  const act = model.tables.findIndex((table) => table.written === 'Act');
  const delta = model.tables.findIndex((table) => table.written === 'Delta');
  const key = (table: TableModel) => tsOf(table.fields.find((field) => field.key)!);
  return `/** For inference: what each table and action of this world is made of. */
export type ${Name}Types = {
  tables: {
${lines(tables.map((table) => `    ${table.name}: { row: ${table.written}Row; draft: ${table.written}Draft; key: ${key(table)} };`))}
  };
  /** Arguments as a function is given them. */
  actions: {
${lines(actions.map((action) => `    ${action.name}: ${action.written}Args;`))}
  };
  /** Arguments as a caller may give them. */
  inputs: {
${lines(actions.map((action) => `    ${action.name}: ${action.written}Input;`))}
  };
};

export interface ${Name}Schema extends WorldSchema {
  readonly tables: {
${lines(tables.map((table) => `    readonly ${table.name}: TableType<${table.written}Row, ${table.written}Draft>;`))}
  };
  readonly actions: {
${lines(actions.map((action) => `    readonly ${action.name}: ActionType;`))}
  };
  /** Never there at run time. */
  readonly $types?: ${Name}Types;
}

const codecs: readonly RowCodec[] = [${tables.map((table) => `${table.name}Table`).join(', ')}];

export const ${name}Schema: ${Name}Schema = {
  name: '${model.name}',
  hash: '${model.hash}',
  tables: {
${lines(tables.map((table) => `    ${table.name}: ${table.name}Table,`))}
  },
  actions: {
${lines(actions.map((action) => `    ${action.name}: actionType(${action.name}Action, writer, SHAPE, ${act}),`))}
  },
  encodeDelta: (changes: readonly Change[]) => encodeDelta(writer, codecs, changes),
  decodeDelta: (bytes: Uint8Array, trusted = false) => decodeDelta(SHAPE, ${delta}, codecs, bytes, trusted),
  eachChange: (source, start, to) => eachChange(codecs, source, start, to),
  verifyDelta: (source, start, length) => verifyDelta(SHAPE, ${delta}, source, start, length),
};`;
}
