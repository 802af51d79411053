/** The world under load as seen over HTTP: is it there, what does it hold, what did it write down. */
import type { StateJson } from '../game-logic/to-json.ts';
import { worlds } from '../game-logic/worlds/index.ts';
import type { LedgerCommand } from './ledger.ts';

const PATIENCE_MS = 5_000;
/** Enough for any run of transfers, far from the largest amount. */
const STOCK = 1_000_000_000;
const AT_ONCE = 32;

/** The target cannot be reached, or does not take us: exit code 3. */
export class Unreachable extends Error {}

export interface Guest {
  readonly session: string;
  readonly token: string;
}

const http = (url: string) => url.replace(/^ws/, 'http').replace(/\/+$/, '');

async function send(url: string, body?: object, token?: string, ms = PATIENCE_MS): Promise<Response> {
  const headers: { [name: string]: string } = { 'content-type': 'application/json' };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  return fetch(url, {
    headers,
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    ...(ms === Number.POSITIVE_INFINITY ? {} : { signal: AbortSignal.timeout(ms) }),
  });
}

/** A guest of the first address that makes one. Throws Unreachable with the words of the last. */
export async function enter(urls: readonly string[], world: string): Promise<Guest> {
  let last = '';
  for (const url of urls) {
    try {
      const response = await send(`${http(url)}/v1/sessions`, { world });
      const text = await response.text();
      if (response.status === 201) return JSON.parse(text) as Guest;
      last = `${url}: ${response.status} ${text.slice(0, 200)}`;
    } catch (error) {
      const { message, cause } = error as Error;
      last = `${url}: ${cause instanceof Error ? cause.message || (cause as { code?: string }).code : message}`;
    }
  }
  throw new Unreachable(last);
}

/** One action that must succeed, or be refused for a reason in `unless`; tried at each address. */
async function act(
  urls: readonly string[],
  { token }: Guest,
  world: string,
  body: { sequence: number; action: string; args: object },
  unless: readonly string[],
): Promise<void> {
  let last = '';
  for (let turn = 0; turn < 4 * urls.length; turn++) {
    const url = urls[turn % urls.length] as string;
    try {
      const response = await send(`${http(url)}/v1/worlds/${world}/actions`, body, token);
      const text = await response.text();
      if (response.ok) return;
      last = `${response.status} ${text.slice(0, 200)}`;
      const { code = '' } = JSON.parse(text) as { code?: string };
      if (unless.includes(code)) return;
      if (response.status < 429) break;
    } catch (error) {
      last = (error as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Unreachable(`${body.action} before the run failed: ${last}`);
}

/** Opens these warehouses, and puts goods into each. */
export async function stockUp(urls: readonly string[], world: string, ids: readonly string[]): Promise<void> {
  const guests = await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, ids.length) }, () => enter(urls, world)),
  );
  await Promise.all(
    guests.map(async (guest, first) => {
      let sequence = 0;
      for (let at = first; at < ids.length; at += guests.length) {
        const id = ids[at] as string;
        await act(urls, guest, world, { sequence: ++sequence, action: 'open', args: { id } }, [
          'already-open',
        ]);
        const args = { to: id, amount: STOCK };
        await act(urls, guest, world, { sequence: ++sequence, action: 'inbound', args }, []);
      }
    }),
  );
}

/** Commands first..last of one region, in the order in which it gives them. Throws an Error with the region's words. */
export async function* commandsOf(
  url: string,
  world: string,
  token: string,
  first: number,
  last: number,
): AsyncGenerator<LedgerCommand> {
  const path = `${http(url)}/v1/worlds/${world}/commands?from=${first}&to=${last}`;
  const response = await send(path, undefined, token, Number.POSITIVE_INFINITY);
  if (!response.ok || response.body === null)
    throw new Error(`${url}: ${response.status} ${(await response.text()).slice(0, 200)}`);
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as LedgerCommand;
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as LedgerCommand;
}

/** The last command that some region has applied; only the beginning of its state is read. */
export async function numberNow(urls: readonly string[], world: string, token: string): Promise<number> {
  let last = '';
  for (const url of urls) {
    try {
      const response = await send(`${http(url)}/v1/worlds/${world}/state`, undefined, token);
      const reader = response.body?.getReader();
      const { value } = (await reader?.read()) ?? {};
      await reader?.cancel();
      const text = new TextDecoder().decode(value);
      const number = /^\s*\{"number":([0-9]+)/.exec(text)?.[1];
      if (response.ok && number !== undefined) return Number(number);
      last = `${url}: ${response.status} ${text.slice(0, 200)}`;
    } catch (error) {
      last = `${url}: ${(error as Error).message}`;
    }
  }
  throw new Unreachable(last);
}

/** The world's tables, now or as of a command; undefined where that region does not have them (any more). */
export async function tablesAt(
  url: string,
  world: string,
  token: string,
  number?: number,
): Promise<StateJson['tables'] | undefined> {
  const at = number === undefined ? '' : `?at=${number}`;
  const response = await send(`${http(url)}/v1/worlds/${world}/state${at}`, undefined, token);
  if (!response.ok) return undefined;
  return ((await response.json()) as StateJson).tables;
}

/** Waits until a region has applied `number`. */
export async function reaches(
  url: string,
  world: string,
  token: string,
  number: number,
  ms: number,
): Promise<boolean> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    try {
      const path = `${http(url)}/v1/worlds/${world}/commands?from=${number}&to=${number}`;
      const response = await send(path, undefined, token);
      if (response.ok && (await response.text()).trim() !== '') return true;
    } catch {
      // Not up, or not that far: ask again.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

export const worldNames = (): readonly string[] => [...worlds.keys()];
