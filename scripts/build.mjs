// Bundles what the package ships: the server's command line, the SDK, the game-logic door and the demo page. The command line
// holds the packages that it needs, but for native ones: hundreds of small files take a server longer to load than to start.
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { fingerprint, noteBuilt } from './built.mjs';
import { licencesOf } from './licences.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
  metafile: true,
};
const node = { ...common, outdir: 'dist', platform: 'node', target: 'node20' };

/** Native code stays where npm put it; so does what Colyseus loads only when told to use Redis or to describe its routes. */
const EXTERNAL = [
  'classic-level',
  'uWebSockets.js',
  '@colyseus/redis-driver',
  '@colyseus/redis-presence',
  'zod',
];

/**
 * What packages load and nobody here uses. Of Colyseus and its transports: pm2's probe, which hooks into every `require`; express,
 * for routes that are our own; native code for a faster msgpack, of which only frames without content remain. Of pino: threads
 * that write. A stand-in for each saves a server 50 ms at its start and 6 MB.
 */
const LEFT_OUT = {
  '@pm2/io': 'export default { metric() {} };',
  'uwebsockets-express': 'export default null;',
  express: 'export default null;',
  'thread-stream': 'export default null;',
  'msgpackr-extract': 'throw new Error("left out");',
};
const leftOut = {
  name: 'left-out',
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(${Object.keys(LEFT_OUT).join('|')})$`);
    onResolve({ filter }, ({ path }) => ({ path, namespace: 'left-out' }));
    onLoad({ filter: /./, namespace: 'left-out' }, ({ path }) => ({ contents: LEFT_OUT[path] }));
  },
};

/** What the command line loads only when asked for lies in chunks beside it: a small command must not load a server. */
const commandLine = {
  ...node,
  entryPoints: { cli: 'server/cli/main.ts', worker: 'server/crew/worker.ts' },
  splitting: true,
  chunkNames: '[name]-[hash]',
  external: EXTERNAL,
  plugins: [leftOut],
  // Names are kept, so that a stack trace can be read as it is; a map says the lines to who asks for it (--enable-source-maps).
  sourcesContent: false,
  // Packages of the older kind ask for Node's modules by `require`.
  banner: {
    js: "import { createRequire as $from } from 'node:module';\nconst require = $from(import.meta.url);",
  },
};
const libraries = {
  ...node,
  entryPoints: { client: 'client/index.ts', 'game-logic': 'game-logic/index.ts' },
  packages: 'external',
};
const page = {
  ...common,
  outdir: 'dist/page',
  platform: 'browser',
  minify: true,
  target: 'es2022',
  entryPoints: { main: 'client/page/main.ts' },
};

/** A process that started from an earlier build may still load its chunks. */
const CHUNK_KEPT_MS = 24 * 3_600_000;
const CHUNK = /-[A-Z0-9]{8}\.js(\.map)?$/;

export async function buildAll() {
  const made = fingerprint(root);
  mkdirSync(join(root, 'dist/page'), { recursive: true });
  const [cli, , demo] = await Promise.all([build(commandLine), build(libraries), build(page)]);
  cpSync(join(root, 'client/page/assets'), join(root, 'dist/page'), { recursive: true });
  writeFileSync(join(root, 'dist/LICENCES.txt'), licencesOf(root, [cli.metafile, demo.metafile]));
  removeOldChunks(new Set(Object.keys(cli.metafile.outputs)));
  noteBuilt(root, made);
}

/** The command line alone, as it ships, into another folder of the checkout: its file, and what it loads from elsewhere. */
export async function buildCommandLine(folder) {
  // Below node_modules nothing says that .js is ESM.
  const options = { ...commandLine, outdir: folder, outExtension: { '.js': '.mjs' }, sourcemap: false };
  const { metafile } = await build(options);
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  const foreign = imports.filter(({ external }) => external).map(({ path }) => path);
  return { file: join(folder, 'cli.mjs'), imports: [...new Set(foreign)] };
}

function removeOldChunks(current) {
  for (const name of readdirSync(join(root, 'dist'))) {
    if (!CHUNK.test(name) || current.has(`dist/${name}`)) continue;
    const file = join(root, 'dist', name);
    if (Date.now() - statSync(file).mtimeMs > CHUNK_KEPT_MS) rmSync(file, { force: true });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await buildAll();
