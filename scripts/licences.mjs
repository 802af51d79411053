// The licences of the packages whose code is bundled: they ask that their text goes with every copy.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const LICENCE = /^(licen[cs]e|copying|notice)/i;

/** One text of all licences, by package. `metafiles`: esbuild's, of the bundles that are shipped. */
export function licencesOf(root, metafiles) {
  const folders = new Set();
  for (const { outputs } of metafiles)
    for (const { inputs } of Object.values(outputs))
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        const [folder] = PACKAGE.exec(input) ?? [];
        if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
      }
  const parts = [...folders].map((folder) => licenceOf(join(root, folder)));
  const head =
    'Throughline itself: see LICENSE and NOTICE. Code of these packages is part of the files beside this one.\n';
  return [head, ...[...new Set(parts)].sort()].join(`\n${'-'.repeat(100)}\n\n`);
}

function licenceOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENCE.test(entry.name))
    .map((entry) => readFileSync(join(folder, entry.name), 'utf8').trim());
  const who = typeof author === 'string' ? author : author?.name;
  const head = `${name} ${version}, ${license ?? 'see its text'}${who === undefined ? '' : `, ${who}`}`;
  return `${[head, ...texts].join('\n\n')}\n`;
}
