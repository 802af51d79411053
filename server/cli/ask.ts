/** HTTP as the small commands need it: one request, JSON back, errors in words. */
import { Failure } from './usage.ts';

export interface Ask {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly token?: string | undefined;
  readonly body?: object;
}

/** Milliseconds; an action may take its whole deadline of 5 s on the server. */
const PATIENCE_MS = 10_000;

export async function ask(
  { url, method = 'GET', token, body }: Ask,
  patienceMs = PATIENCE_MS,
): Promise<Response> {
  const headers: { [name: string]: string } = {};
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(patienceMs === Number.POSITIVE_INFINITY ? {} : { signal: AbortSignal.timeout(patienceMs) }),
    });
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Failure(`${url}: ${cause instanceof Error ? cause.message : message}`);
  }
  if (response.ok) return response;
  const text = await response.text();
  throw new Failure(`${response.status} ${describe(text)}`);
}

export async function askJson(request: Ask): Promise<unknown> {
  const text = await (await ask(request)).text();
  return text === '' ? null : JSON.parse(text);
}

function describe(text: string): string {
  try {
    const { error, code, detail, outcome } = JSON.parse(text) as { [name: string]: string };
    return [error, code, detail, outcome === undefined ? '' : `(outcome ${outcome})`]
      .filter((part) => part !== undefined && part !== '')
      .join(': ');
  } catch {
    return text.slice(0, 500);
  }
}

/** `127.0.0.1:2567` or a whole URL, without a slash at the end. */
export function baseUrl(address: string): string {
  const url = /^https?:\/\//.test(address) ? address : `http://${address}`;
  return url.replace(/\/+$/, '');
}
