import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { BodyReader, type Exchange, type HeaderFields, type Outflow } from './exchange.ts';

/** An exchange over uWebSockets.js. Must be made in the route handler: the request is void when that returns. */
export class UwsExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: HeaderFields;
  readonly remoteAddress: string;
  readonly #response: HttpResponse;
  readonly #body: BodyReader;
  #gone = false;
  #answered = false;
  #cutOff = false;
  readonly #onGone: (() => void)[] = [];

  constructor(response: HttpResponse, request: HttpRequest, bodyBytes: number, discardBytes: number) {
    this.#response = response;
    this.method = request.getMethod().toUpperCase();
    this.path = request.getUrl();
    this.query = new URLSearchParams(request.getQuery() ?? '');
    const headers: Record<string, string> = Object.create(null);
    request.forEach((name, value) => {
      headers[name] = value;
    });
    this.headers = headers;
    this.remoteAddress = Buffer.from(response.getRemoteAddressAsText()).toString();
    this.#body = new BodyReader(bodyBytes, discardBytes);
    response.onAborted(() => this.#leave());
    if (this.method === 'GET' || this.method === 'HEAD' || this.method === 'OPTIONS') this.#body.done();
    else response.onData((chunk, last) => this.#receive(chunk, last));
  }

  get gone(): boolean {
    return this.#gone;
  }

  onGone(listener: () => void): void {
    if (this.#gone) listener();
    else this.#onGone.push(listener);
  }

  body(): Promise<Uint8Array> {
    return this.#body.read();
  }

  send(status: number, headers: HeaderFields, body: string | Uint8Array): void {
    if (this.#gone || this.#answered) return;
    this.#answered = true;
    this.#response.cork(() => {
      this.#head(status, headers);
      if (this.method === 'HEAD') this.#response.endWithoutBody(Buffer.byteLength(body));
      else this.#response.end(body, this.#cutOff);
    });
  }

  stream(status: number, headers: HeaderFields): Outflow {
    const outflow = new UwsOutflow(this.#response, () => this.#gone);
    if (this.#gone || this.#answered) return outflow;
    this.#answered = true;
    this.#onGone.push(() => outflow.release());
    this.#response.cork(() => this.#head(status, headers));
    return outflow;
  }

  #head(status: number, headers: HeaderFields): void {
    this.#response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
    for (const name in headers) this.#response.writeHeader(name, headers[name] as string);
  }

  #receive(chunk: ArrayBuffer, last: boolean): void {
    // The chunk is detached when this returns.
    const part = new Uint8Array(chunk);
    if (!this.#body.add(this.#body.wanted ? part.slice() : part)) this.#cutOff = true;
    if (last) this.#body.done();
  }

  #leave(): void {
    this.#gone = true;
    this.#body.gone();
    for (const listener of this.#onGone.splice(0)) listener();
  }
}

class UwsOutflow implements Outflow {
  readonly #response: HttpResponse;
  readonly #gone: () => boolean;
  #blocked = false;
  #waiting: (() => void)[] = [];

  constructor(response: HttpResponse, gone: () => boolean) {
    this.#response = response;
    this.#gone = gone;
    if (!gone()) response.onWritable(() => this.#writable());
  }

  write(chunk: string): boolean {
    if (this.#gone() || chunk.length === 0) return true;
    this.#response.cork(() => {
      if (!this.#response.write(chunk)) this.#blocked = true;
    });
    return !this.#blocked;
  }

  drained(): Promise<void> {
    if (!this.#blocked || this.#gone()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    if (!this.#gone()) this.#response.cork(() => this.#response.end());
  }

  abort(): void {
    if (!this.#gone()) this.#response.close();
  }

  release(): void {
    this.#blocked = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /**
   * Called after a write that did not go out whole. uWebSockets.js leaves the rest to the next write as soon as somebody
   * listens for writability, so something has to be written: a space means nothing between two JSON values.
   */
  #writable(): boolean {
    if (!this.#response.write(' ')) return false;
    this.release();
    return true;
  }
}
