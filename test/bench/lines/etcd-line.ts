/**
 * etcd's gRPC `KV/Put` over HTTP/2, its frames made by hand: the headers of all calls are the same bytes, and of an answer only
 * whether there was a message before the end matters. Node's own http2 would spend more on a call than etcd does.
 */
import { anyKey, type Done, type Endpoint, forEachKey, type Line, VALUE_BYTES } from './line.ts';
import { Tcp } from './tcp.ts';

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const WINDOW_UPDATE = 8;

const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;

const FRAME_HEADER = 9;
/** What the server may send before it hears of us again; told anew after half of it. */
const WINDOW = 2 ** 30;

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}

function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(WINDOW_UPDATE, 0, 0, payload);
}

/** A string of HPACK, not compressed. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}

/** Header block without entries in the dynamic table, so that it is the same for each call. */
function headerBlock(path: string): Buffer {
  return Buffer.concat([
    // :method POST and :scheme http of the static table; then literals by the static names :path, :authority, content-type.
    Buffer.from([0x83, 0x86, 0x04]),
    text(path),
    Buffer.from([0x01]),
    text('etcd'),
    Buffer.from([0x0f, 31 - 15]),
    text('application/grpc'),
    Buffer.from([0x00]),
    text('te'),
    text('trailers'),
  ]);
}

/** Protocol buffers: field `number` holding bytes shorter than 128. */
function bytesField(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

function grpcMessage(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** A whole call; only its stream numbers differ. */
const CALLS = forEachKey((key) => {
  const put = Buffer.concat([
    bytesField(1, Buffer.from(key)),
    bytesField(2, Buffer.alloc(VALUE_BYTES, 0x78)),
  ]);
  const headers = frame(HEADERS, END_HEADERS, 0, headerBlock('/etcdserverpb.KV/Put'));
  return {
    bytes: Buffer.concat([headers, frame(DATA, END_STREAM, 0, grpcMessage(put))]),
    data: headers.length,
  };
});

export class EtcdLine implements Line {
  readonly #tcp: Tcp;
  readonly #calls = new Map<number, { readonly done: Done; answered: boolean }>();
  #stream = -1;
  #taken = 0;

  private constructor(tcp: Tcp) {
    this.#tcp = tcp;
    tcp.write(PREFACE);
    tcp.write(frame(SETTINGS, 0, 0, new Uint8Array(0)));
    tcp.write(windowUpdate(WINDOW));
    tcp.attach({
      read: (bytes) => this.#read(bytes),
      closed: (reason) => {
        for (const { done } of this.#calls.values()) done(reason);
        this.#calls.clear();
      },
    });
  }

  static async open(endpoint: Endpoint): Promise<EtcdLine> {
    return new EtcdLine(await Tcp.open(endpoint));
  }

  put(done: Done): void {
    const call = CALLS[anyKey()]!;
    this.#stream += 2;
    const bytes = Buffer.from(call.bytes);
    bytes.writeUInt32BE(this.#stream, 5);
    bytes.writeUInt32BE(this.#stream, call.data + 5);
    this.#calls.set(this.#stream, { done, answered: false });
    this.#tcp.write(bytes);
  }

  get closed(): boolean {
    return this.#tcp.closed;
  }

  close(): void {
    this.#tcp.close();
  }

  #read(bytes: Buffer): number {
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER) {
      const length = bytes.readUIntBE(at, 3);
      const next = at + FRAME_HEADER + length;
      if (bytes.length < next) break;
      this.#frame(
        bytes[at + 3]!,
        bytes[at + 4]!,
        bytes.readUInt32BE(at + 5),
        bytes.subarray(at + FRAME_HEADER, next),
      );
      at = next;
    }
    return at;
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    const call = this.#calls.get(stream);
    if (type === DATA) this.#data(call, payload.length);
    // Trailers without a message before them tell of an error.
    else if (type === HEADERS && (flags & END_STREAM) !== 0)
      this.#end(stream, call?.answered ? null : 'refused');
    else if (type === RST_STREAM) this.#end(stream, 'reset');
    else if (type === SETTINGS && (flags & ACK) === 0)
      this.#tcp.write(frame(SETTINGS, ACK, 0, new Uint8Array(0)));
    else if (type === PING && (flags & ACK) === 0) this.#tcp.write(frame(PING, ACK, 0, payload));
    else if (type === GOAWAY) this.#tcp.close();
  }

  #data(call: { answered: boolean } | undefined, length: number): void {
    if (call !== undefined) call.answered = true;
    this.#taken += length;
    if (this.#taken < WINDOW / 2) return;
    this.#tcp.write(windowUpdate(this.#taken));
    this.#taken = 0;
  }

  #end(stream: number, failure: string | null): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    call?.done(failure);
  }
}
