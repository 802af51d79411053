/**
 * A story: blocks of one command line, `----`, and what the command must print. Lines that start with `#` and empty lines between
 * blocks are kept as they are.
 *
 *   # Why this happens.
 *   lead A round=2
 *   ----
 *   A preparing 2A
 *     A->B,C next-ballot 2A from 1
 */
interface Block {
  /** Comment and empty lines before the command. */
  readonly preface: readonly string[];
  readonly command: string;
  readonly expected: readonly string[];
  /** 1-based line of the command. */
  readonly line: number;
}

export interface Story {
  readonly blocks: readonly Block[];
  /** Comment lines after the last block. */
  readonly coda: readonly string[];
}

export function parseStory(text: string): Story {
  const lines = text.replace(/\n+$/, '').split('\n');
  const blocks: Block[] = [];
  let preface: string[] = [];
  for (let index = 0; index < lines.length; ) {
    const line = lines[index]!;
    if (line.trim() === '' || line.startsWith('#')) {
      preface.push(line);
      index++;
      continue;
    }
    const at = index + 1;
    index++;
    const expected: string[] = [];
    if (lines[index] === '----') {
      index++;
      while (index < lines.length && lines[index] !== '') expected.push(lines[index++]!);
    }
    blocks.push({ preface, command: line, expected, line: at });
    preface = [];
  }
  return { blocks, coda: preface };
}

/** The story as text, with what each command printed in place of what was expected. */
export function printStory({ blocks, coda }: Story, printed: readonly (readonly string[])[]): string {
  const lines: string[] = [];
  for (const [index, { preface, command }] of blocks.entries()) {
    lines.push(...preface, command, '----', ...(printed[index] ?? []));
  }
  return `${[...lines, ...coda].join('\n')}\n`;
}
