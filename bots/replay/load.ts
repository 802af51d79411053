/** Where a replay comes from: a file, or the sequence of the world itself. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { WorldDefinition } from '../../game-logic/types.ts';
import { worlds } from '../../game-logic/worlds/index.ts';
import { BadPlan } from '../plan.ts';
import { commandsOf, enter, numberNow, tablesAt } from '../target.ts';
import { type Replay, ReplayReader, type Slice } from './replay.ts';

export interface ReplaySource {
  /** undefined: the world's own sequence. */
  readonly file: string | undefined;
  readonly urls: readonly string[];
  readonly world: string;
  /** Its definition, by name, where the world has a name of its own. */
  readonly definition?: string;
}

/** Throws BadPlan for what cannot be replayed, Unreachable where the world does not answer. */
export async function loadReplay(source: ReplaySource, slice: Slice): Promise<Replay> {
  const { file, world } = source;
  const { reader, lines } =
    file === undefined ? await ofWorld(source, slice) : ofFile(file, source.definition ?? world, slice);
  let place = 0;
  try {
    for await (const line of lines) {
      place += 1;
      reader.take(typeof line === 'string' ? JSON.parse(line) : line);
    }
    place = 0;
    return reader.replay();
  } catch (error) {
    const where = place === 0 ? '' : `, line ${place}`;
    throw new BadPlan(`replay of ${file ?? world}${where}: ${(error as Error).message}`);
  }
}

async function ofWorld({ urls, world, definition = world }: ReplaySource, slice: Slice) {
  const { token } = await enter(urls, world);
  const last = Math.min(slice.to, await numberNow(urls, world, token));
  const [url = ''] = urls;
  const { from } = slice;
  const tables = from > 1 ? await tablesAt(url, world, token, from - 1) : undefined;
  return {
    reader: new ReplayReader(definitionOf(definition), slice, tables),
    lines: commandsOf(url, world, token, from, last),
  };
}

function ofFile(file: string, definition: string, slice: Slice) {
  return { reader: new ReplayReader(definitionOf(definition), slice), lines: linesOf(file) };
}

function definitionOf(name: string): WorldDefinition {
  const definition = worlds.get(name);
  if (definition === undefined) throw new BadPlan(`there is no definition '${name}'`);
  return definition;
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) if (line.trim() !== '') yield line;
}
