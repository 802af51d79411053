/** Stands between bots and a region: all is passed on as it is, only the commands read back at the end are not. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export type Lie = 'drop' | 'double' | 'swap';

export class LyingProxy {
  /** Number of the command that was dropped, doubled, or is too late because of a swap; 0 before. */
  liedAbout = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #host: string;
  readonly #port: number;
  readonly #lie: Lie;

  private constructor(upstream: string, lie: Lie) {
    const { hostname, port } = new URL(upstream);
    this.#host = hostname;
    this.#port = Number(port);
    this.#lie = lie;
    this.#server = createServer((incoming, outgoing) => this.#http(incoming, outgoing));
    this.#server.on('upgrade', (incoming, socket: Socket, head: Buffer) =>
      this.#upgrade(incoming, socket, head),
    );
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(upstream: string, lie: Lie): Promise<LyingProxy> {
    const proxy = new LyingProxy(upstream, lie);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #http(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, url, headers } = incoming;
    const upstream = request({ host: this.#host, port: this.#port, method, path: url, headers }, (answer) => {
      if (!/\/commands\?/.test(url ?? '')) {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        return;
      }
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      answer.on('end', () => {
        outgoing.writeHead(answer.statusCode ?? 502, { 'content-type': 'application/x-ndjson' });
        outgoing.end(this.#twist(text));
      });
    });
    upstream.on('error', () => outgoing.destroy());
    incoming.pipe(upstream);
  }

  /** Of many commands one in the middle; a single one is told as it is. */
  #twist(text: string): string {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    const at = Math.floor(lines.length / 2);
    const [line, next] = [lines[at], lines[at + 1]];
    if (line === undefined || next === undefined) return text;
    this.liedAbout = (JSON.parse(line) as { number: number }).number;
    if (this.#lie === 'drop') lines.splice(at, 1);
    else if (this.#lie === 'double') lines.splice(at, 0, line);
    else lines.splice(at, 2, next, line);
    return `${lines.join('\n')}\n`;
  }

  #upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    const upstream = connect(this.#port, this.#host, () => {
      const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${String(value)}`);
      upstream.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(socket);
      socket.pipe(upstream);
    });
    const end = () => {
      upstream.destroy();
      socket.destroy();
    };
    for (const side of [upstream, socket]) side.on('error', end).on('close', end);
  }
}
