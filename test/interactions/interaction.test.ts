/**
 * Replays the stories beside this file. `UPDATE_STORIES=1` rewrites what they print; accept a change only if you know why it is
 * right by the protocol.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Environment } from './environment.ts';
import { parseStory, printStory } from './story-file.ts';

const folder = import.meta.dirname;
const update = process.env['UPDATE_STORIES'] === '1';

/** The first comment line of a story is its name: it cites tests and rules of the protocol. */
function titleOf(text: string): string {
  return /^# (.*)$/m.exec(text)?.[1] ?? '';
}

describe('stories', () => {
  for (const file of readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    it(`${basename(file, '.txt')}: ${titleOf(text)}`, () => {
      const story = parseStory(text);
      const environment = new Environment();
      const printed: string[][] = [];
      for (const { command, line } of story.blocks) {
        try {
          printed.push(environment.run(command));
        } catch (error) {
          throw new Error(`${file}:${line} ${command}: ${String(error)}`);
        }
      }
      if (update) writeFileSync(path, printStory(story, printed));
      else expect(printStory(story, printed)).toBe(text);
    });
  }
});
