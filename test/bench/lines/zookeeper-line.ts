/** ZooKeeper's wire (jute) as far as a load generator needs it: connect, create, setData, one answer after the other. */
import {
  anyKey,
  type Done,
  type Endpoint,
  forEachKey,
  KEYS,
  keyName,
  type Line,
  VALUE_BYTES,
} from './line.ts';
import { Tcp } from './tcp.ts';

const CREATE = 1;
const SET_DATA = 5;
const PING_TYPE = 11;
const PING_XID = -2;
const ALL_PERMISSIONS = 31;
const NODE_EXISTS = -110;
const SESSION_MS = 30_000;

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const long = (): Buffer => Buffer.alloc(8);
const buffer = (bytes: Uint8Array): Buffer => Buffer.concat([int(bytes.length), bytes]);
const text = (value: string): Buffer => buffer(Buffer.from(value));
const packet = (...parts: readonly Buffer[]): Buffer => buffer(Buffer.concat(parts));

const VALUE = Buffer.alloc(VALUE_BYTES, 0x78);
const ANY_VERSION = -1;
/** Where the request's number stands: after the length. */
const XID = 4;
const SETS = forEachKey((key) =>
  packet(int(0), int(SET_DATA), text(`/${key}`), buffer(VALUE), int(ANY_VERSION)),
);

function create(path: string): Buffer {
  const open = Buffer.concat([int(1), int(ALL_PERMISSIONS), text('world'), text('anyone')]);
  return packet(int(0), int(CREATE), text(path), buffer(VALUE), open, int(0));
}

export class ZooKeeperLine implements Line {
  readonly #tcp: Tcp;
  /** Answers come in the order of the requests. */
  readonly #waiting: ((error: number | string) => void)[] = [];
  #first = 0;
  #xid = 0;
  readonly #pinger: NodeJS.Timeout;
  #connected: () => void = () => {};
  readonly ready: Promise<void>;

  private constructor(tcp: Tcp) {
    this.#tcp = tcp;
    this.ready = new Promise((resolve, reject) => {
      this.#connected = resolve;
      let open = false;
      tcp.attach({
        read: (bytes) => {
          const taken = this.#read(bytes, !open);
          open ||= taken > 0;
          return taken;
        },
        closed: (reason) => {
          clearInterval(this.#pinger);
          reject(new Error(reason));
          for (const tell of this.#waiting.splice(0).slice(this.#first)) tell(reason);
        },
      });
    });
    this.#pinger = setInterval(() => tcp.write(packet(int(PING_XID), int(PING_TYPE))), SESSION_MS / 3);
    // Protocol version, last zxid, time-out, session id, password, read-only.
    tcp.write(packet(int(0), long(), int(SESSION_MS), long(), buffer(Buffer.alloc(16)), Buffer.from([0])));
  }

  static async open(endpoint: Endpoint): Promise<ZooKeeperLine> {
    const line = new ZooKeeperLine(await Tcp.open(endpoint));
    await line.ready;
    return line;
  }

  /** Makes the nodes that `put` writes to. */
  async prepare(): Promise<void> {
    await Promise.all(
      Array.from({ length: KEYS }, (_, index) => {
        return new Promise<void>((resolve, reject) => {
          this.#request(create(`/${keyName(index)}`), (error) => {
            if (error === 0 || error === NODE_EXISTS) resolve();
            else reject(new Error(`create: ${error}`));
          });
        });
      }),
    );
  }

  put(done: Done): void {
    this.#request(Buffer.from(SETS[anyKey()]!), (error) => done(error === 0 ? null : String(error)));
  }

  get closed(): boolean {
    return this.#tcp.closed;
  }

  close(): void {
    this.#tcp.close();
  }

  #request(bytes: Buffer, tell: (error: number | string) => void): void {
    this.#xid = (this.#xid % 0x7fff_ffff) + 1;
    bytes.writeInt32BE(this.#xid, XID);
    this.#waiting.push(tell);
    this.#tcp.write(bytes);
  }

  #read(bytes: Buffer, greeting: boolean): number {
    let at = 0;
    let first = greeting;
    while (bytes.length - at >= 4) {
      const next = at + 4 + bytes.readInt32BE(at);
      if (bytes.length < next) break;
      if (first) this.#connected();
      else if (bytes.readInt32BE(at + 4) !== PING_XID) this.#answered(bytes.readInt32BE(at + 4 + 4 + 8));
      first = false;
      at = next;
    }
    return at;
  }

  #answered(error: number): void {
    const tell = this.#waiting[this.#first];
    this.#first += 1;
    // The queue is a window on an array: taking from its front one by one would move all the rest each time.
    if (this.#first > 1024) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
    tell?.(error);
  }
}
