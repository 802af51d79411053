/** What the generator supports, with a clear word for everything else. */
import { MESSAGE_RESERVED, WORLD_RESERVED } from './imports.ts';
import { type FieldModel, find, GenerateError, type Model, type TableModel } from './model.ts';

/** One bit a field in a 32-bit integer that stays positive. */
const MAX_FIELDS = 31;

/** A world declares its rows and actions; everything else is a file of messages. */
export function isWorld(model: Model): boolean {
  const unions = new Set(model.unions.map((union) => union.written));
  return unions.has('Row') && unions.has('Action');
}

export function checkModel(model: Model): void {
  if (!/^[a-z][a-z0-9_]*$/.test(model.name)) {
    throw new GenerateError(model.file, '', 'a schema file is named in small letters, digits and _');
  }
  for (const one of model.enums) {
    if (one.underlying !== 'ubyte' || !one.contiguous || one.values.length === 0) {
      throw new GenerateError(
        model.file,
        one.written,
        'an enum must be of ubyte and count 0, 1, 2 … without gaps',
      );
    }
  }
  for (const union of model.unions) {
    if (union.tables.slice(1).includes('')) {
      throw new GenerateError(model.file, union.written, 'a union may hold tables only');
    }
    if (union.tables.length < 2)
      throw new GenerateError(model.file, union.written, 'a union without a member');
  }
  for (const struct of model.structs) {
    if (struct.align > 8)
      throw new GenerateError(model.file, struct.written, 'an alignment above 8 is not supported');
  }
  for (const table of [...model.tables, ...model.structs]) checkTable(model, table);
  checkNames(model);
  if (isWorld(model)) checkWorld(model);
  else checkMessages(model);
}

function fault(model: Model, table: TableModel, field: FieldModel | null, detail: string): never {
  throw new GenerateError(
    model.file,
    field === null ? table.written : `${table.written}.${field.written}`,
    detail,
  );
}

function checkTable(model: Model, table: TableModel): void {
  if (table.fields.length > MAX_FIELDS) {
    fault(
      model,
      table,
      null,
      `${table.fields.length} fields; a table may have ${MAX_FIELDS} at most (a union counts twice)`,
    );
  }
  const seen = new Map<string, string>();
  for (const field of table.fields) {
    const other = seen.get(field.name);
    if (other !== undefined) fault(model, table, field, `has the same name ${field.name} as ${other}`);
    seen.set(field.name, field.written);
    if (field.deprecated) continue;
    const type = field.type.kind === 'vector' ? field.type.of : field.type;
    if (type.kind === 'unsupported') fault(model, table, field, `${type.what} is not supported`);
    if (field.type.kind === 'vector' && ['vector', 'union', 'unionType'].includes(type.kind)) {
      fault(model, table, field, 'a vector of vectors or unions is not supported');
    }
    if (field.forceAlign !== null && ![1, 2, 4, 8].includes(field.forceAlign)) {
      fault(model, table, field, 'an alignment above 8 is not supported');
    }
    if (!field.zeroDefault) fault(model, table, field, 'a default other than 0 is not supported');
    if (field.name === 'constructor' || field.name === '__proto__' || field.name.startsWith('$')) {
      fault(model, table, field, 'this name is not possible in JavaScript');
    }
  }
}

function checkNames(model: Model): void {
  const reserved = isWorld(model) ? WORLD_RESERVED : MESSAGE_RESERVED;
  const declared = isWorld(model)
    ? model.enums
    : [...model.tables, ...model.structs, ...model.enums, ...model.unions];
  const seen = new Map<string, string>();
  for (const table of [...model.tables, ...model.structs]) {
    const other = seen.get(table.name);
    if (other !== undefined)
      throw new GenerateError(model.file, table.written, `has the same name ${table.name} as ${other}`);
    seen.set(table.name, table.written);
  }
  for (const one of declared) {
    if (reserved.includes(one.written)) {
      throw new GenerateError(
        model.file,
        one.written,
        'generated code uses this name itself; choose another',
      );
    }
  }
}

/** `Change` and its kin have one shape in all worlds, for one codec serves them all. */
const FRAME: { readonly [table: string]: string } = {
  Change: 'op: Op; row: Row (required);',
  Delta: 'changes: [Change];',
  Act: 'action: Action (required);',
};

function checkWorld(model: Model): void {
  for (const [name, expected] of Object.entries(FRAME)) {
    const table = model.tables.find((one) => one.written === name);
    if (table === undefined)
      throw new GenerateError(model.file, name, `missing; add: table ${name} { ${expected} }`);
    if (frameText(table) !== expected)
      fault(model, table, null, `must be exactly: table ${name} { ${expected} }`);
  }
  const op = model.enums.find((one) => one.written === 'Op');
  if (op?.values.join() !== 'put,patch,remove') {
    throw new GenerateError(model.file, 'Op', 'must be exactly: enum Op : ubyte { put, patch, remove }');
  }
  const rows = find(model.unions, 'Row').tables.slice(1);
  const actions = find(model.unions, 'Action').tables.slice(1);
  for (const name of rows) checkRow(model, find(model.tables, name));
  for (const name of actions) checkAction(model, find(model.tables, name));
  for (const table of model.tables) {
    if (table.written in FRAME || rows.includes(table.written) || actions.includes(table.written)) continue;
    fault(model, table, null, 'is in neither Row nor Action; nested tables are not supported in worlds');
  }
  const both = rows.find((name) => actions.includes(name));
  if (both !== undefined) throw new GenerateError(model.file, both, 'is both a row and an action');
}

function frameText(table: TableModel): string {
  return table.fields
    .filter((field) => field.type.kind !== 'unionType')
    .map((field) => {
      const { type } = field;
      const inner = type.kind === 'vector' ? type.of : type;
      const name =
        inner.kind === 'scalar' ? inner.enumeration?.written : 'name' in inner ? inner.name : inner.kind;
      return `${field.written}: ${type.kind === 'vector' ? `[${name}]` : name}${field.required ? ' (required)' : ''};`;
    })
    .join(' ');
}

function checkRow(model: Model, table: TableModel): void {
  const keys = table.fields.filter((field) => field.key);
  if (keys.length !== 1) fault(model, table, null, 'a state table needs one field marked (key)');
  for (const field of table.fields) {
    const { type } = field;
    if (field.deprecated)
      fault(model, table, field, 'a state table cannot have deprecated fields; remove the field');
    if (type.kind === 'vector')
      fault(model, table, field, 'a vector in a state table; make it a table of its own');
    if (type.kind !== 'scalar' && type.kind !== 'string') {
      fault(
        model,
        table,
        field,
        `a ${type.kind} in a state table; rows hold scalars, enums and strings only`,
      );
    }
    if (field.key) {
      const fits =
        type.kind === 'string' ||
        (type.enumeration === null && !['bool', 'float', 'double'].includes(type.scalar));
      if (!fits) fault(model, table, field, 'a key must be a string or an integer');
    } else if (type.kind === 'scalar' && !field.optional) {
      fault(model, table, field, 'needs "= null": in a change, absent means unchanged');
    } else if (field.required) {
      fault(model, table, field, 'cannot be (required): in a change, absent means unchanged');
    }
  }
}

function checkAction(model: Model, table: TableModel): void {
  for (const field of table.fields) {
    if (field.deprecated) continue;
    const { type } = field;
    if (type.kind !== 'scalar' && type.kind !== 'string') {
      fault(
        model,
        table,
        field,
        `a ${type.kind} in an action; arguments are scalars, enums and strings only`,
      );
    }
    if (field.key) fault(model, table, field, 'an argument cannot be a (key)');
    if (type.kind === 'scalar' && field.optional) {
      fault(model, table, field, 'cannot be "= null": scalar arguments are always given');
    }
  }
}

function checkMessages(model: Model): void {
  if (model.root === null) throw new GenerateError(model.file, '', 'declares no root_type');
  for (const table of model.tables) {
    for (const field of table.fields) {
      if (field.deprecated) continue;
      if (field.type.kind === 'scalar' && field.optional) {
        fault(model, table, field, '"= null" is not supported in messages; use 0 or a struct for "none"');
      }
      if (table.fields.length > 0 && field.name === 'kind' && inUnion(model, table)) {
        fault(model, table, field, 'a member of a union cannot have a field named kind');
      }
    }
  }
}

const inUnion = (model: Model, table: TableModel) =>
  model.unions.some((union) => union.tables.includes(table.written));
