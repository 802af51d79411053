/** The playable page's files, held in memory: a request can only name one of them, so no path leads outside the folder. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Exchange } from './exchange.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.mp3': 'audio/mpeg',
  '.ogg': 'audio/ogg',
  '.txt': 'text/plain; charset=utf-8',
};

interface Page {
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly tag: string;
}

export class Pages {
  readonly #pages: ReadonlyMap<string, Page>;

  constructor(pages: ReadonlyMap<string, Page>) {
    this.#pages = pages;
  }

  /** Answers a GET or HEAD of a page; false where there is none of that path. */
  serve(exchange: Exchange): boolean {
    const page = this.#pages.get(exchange.path === '/' ? '/index.html' : exchange.path);
    if (page === undefined || (exchange.method !== 'GET' && exchange.method !== 'HEAD')) return false;
    const headers = {
      'Content-Type': page.type,
      'Cache-Control': 'no-cache',
      ETag: page.tag,
      'X-Content-Type-Options': 'nosniff',
    };
    if (exchange.headers['if-none-match'] === page.tag) exchange.send(304, headers, '');
    else exchange.send(200, headers, page.bytes);
    return true;
  }
}

/** Reads a folder and all below it. A folder that is not there has no pages. Rejects when it is larger than allowed. */
export async function loadPages(folder: string | undefined, files: number, bytes: number): Promise<Pages> {
  const pages = new Map<string, Page>();
  if (folder === undefined) return new Pages(pages);
  let total = 0;
  for (const path of await filesOf(folder)) {
    const content = new Uint8Array(await readFile(join(folder, path)));
    total += content.byteLength;
    if (pages.size === files || total > bytes)
      throw new Error(`the page folder may have ${files} files and ${bytes} bytes`);
    const tag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    const type = TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream';
    pages.set(`/${path.split(/[\\/]/).map(encodeURIComponent).join('/')}`, { bytes: content, type, tag });
  }
  return new Pages(pages);
}

/** Paths below the folder. */
async function filesOf(folder: string): Promise<string[]> {
  try {
    const files: string[] = [];
    for (const path of await readdir(folder, { recursive: true }))
      if ((await stat(join(folder, path))).isFile()) files.push(path);
    return files;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw cause;
  }
}
