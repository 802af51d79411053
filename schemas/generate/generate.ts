/** From the text of a schema to the text of its generated module. */
import { reflect, type Source } from './flatc.ts';
import { messageText } from './message.ts';
import { readModel } from './reflection.ts';
import { checkModel, isWorld } from './rules.ts';
import { schemaHash } from './text.ts';
import { worldText } from './world.ts';

/** Throws FlatcError or GenerateError, whose message names the file and the place. */
export async function generate(source: Source): Promise<string> {
  const model = readModel(await reflect(source), source.file, schemaHash(source.text));
  checkModel(model);
  return isWorld(model) ? worldText(model) : messageText(model);
}
