import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodyReader, type Exchange, type HeaderFields, type Outflow } from './exchange.ts';

/** An exchange over node:http, for the ws transport. */
export class NodeExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: HeaderFields;
  readonly remoteAddress: string;
  readonly #response: ServerResponse;
  readonly #body: BodyReader;
  #gone = false;
  #answered = false;
  #cutOff = false;
  readonly #onGone: (() => void)[] = [];

  constructor(request: IncomingMessage, response: ServerResponse, bodyBytes: number, discardBytes: number) {
    const url = request.url ?? '/';
    const mark = url.indexOf('?');
    this.#response = response;
    this.method = request.method ?? 'GET';
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
    this.headers = plain(request);
    this.remoteAddress = request.socket.remoteAddress ?? '';
    this.#body = new BodyReader(bodyBytes, discardBytes);
    response.on('close', () => this.#leave());
    response.on('error', () => this.#leave());
    request.on('error', () => this.#leave());
    request.on('data', (chunk: Buffer) => {
      if (this.#cutOff) return;
      if (!this.#body.add(chunk)) this.#cutOff = true;
    });
    request.on('end', () => this.#body.done());
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
    const length = { 'Content-Length': `${Buffer.byteLength(body)}` };
    const close = this.#cutOff ? { Connection: 'close' } : {};
    this.#response.writeHead(status, { ...headers, ...length, ...close });
    const cutOff = this.#cutOff ? () => this.#response.destroy() : undefined;
    this.#response.end(this.method === 'HEAD' ? undefined : body, cutOff);
  }

  stream(status: number, headers: HeaderFields): Outflow {
    const response = this.#response;
    if (!this.#gone && !this.#answered) {
      this.#answered = true;
      response.writeHead(status, headers);
      response.flushHeaders();
    }
    return {
      write: (chunk) => this.#gone || chunk.length === 0 || response.write(chunk),
      drained: () =>
        new Promise((resolve) => {
          if (this.#gone || !response.writableNeedDrain) return resolve();
          const done = () => {
            response.off('drain', done);
            response.off('close', done);
            resolve();
          };
          response.on('drain', done);
          response.on('close', done);
        }),
      end: () => {
        if (!this.#gone) response.end();
      },
      abort: () => response.destroy(),
    };
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#body.gone();
    for (const listener of this.#onGone.splice(0)) listener();
  }
}

function plain(request: IncomingMessage): HeaderFields {
  const headers: Record<string, string> = Object.create(null);
  for (const name in request.headers) {
    const value = request.headers[name];
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}
