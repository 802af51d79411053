/** Redis' wire (RESP), pipelined. `set`: one SET a write. `stream`: XADDs of one turn, then one WAIT that vouches for all of them. */
import { anyKey, type Done, type Endpoint, forEachKey, type Line, VALUE_BYTES } from './line.ts';
import { Tcp } from './tcp.ts';

const command = (...words: readonly string[]): Buffer =>
  Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);

const VALUE = 'x'.repeat(VALUE_BYTES);
const SETS = forEachKey((key) => command('SET', key, VALUE));
// Kept short, as one would keep it in service, and so that a long run does not fill the memory.
const ADD = command('XADD', 'stream', 'MAXLEN', '~', '100000', '*', 'v', VALUE);
const WAIT_MS = 5_000;
const WAIT = command('WAIT', '1', String(WAIT_MS));

type Tell = (failure: string | null) => void;

export class RedisLine implements Line {
  readonly #tcp: Tcp;
  readonly #stream: boolean;
  #waiting: Tell[] = [];
  #first = 0;
  /** Writes of this turn, which one WAIT will answer. */
  #turn: Done[] = [];

  private constructor(tcp: Tcp, stream: boolean) {
    this.#tcp = tcp;
    this.#stream = stream;
    tcp.attach({
      read: (bytes) => this.#read(bytes),
      closed: (reason) => {
        for (const tell of this.#waiting.splice(0).slice(this.#first)) tell(reason);
        for (const done of this.#turn.splice(0)) done(reason);
      },
    });
  }

  static async open(endpoint: Endpoint, stream: boolean): Promise<RedisLine> {
    return new RedisLine(await Tcp.open(endpoint), stream);
  }

  put(done: Done): void {
    if (this.#stream) this.#add(done);
    else this.#send(SETS[anyKey()]!, done);
  }

  get closed(): boolean {
    return this.#tcp.closed;
  }

  close(): void {
    this.#tcp.close();
  }

  #add(done: Done): void {
    this.#turn.push(done);
    if (this.#turn.length > 1) return;
    setImmediate(() => {
      const turn = this.#turn.splice(0);
      for (let i = 0; i < turn.length; i++)
        this.#send(ADD, (failure) => failure !== null && turn[i]?.(failure));
      this.#send(WAIT, (failure) => {
        for (const each of turn) each(failure);
      });
    });
  }

  #send(bytes: Buffer, tell: Tell): void {
    this.#waiting.push(tell);
    this.#tcp.write(bytes);
  }

  #read(bytes: Buffer): number {
    let at = 0;
    for (;;) {
      const end = bytes.indexOf('\r\n', at);
      if (end === -1) return at;
      let next = end + 2;
      const kind = String.fromCharCode(bytes[at]!);
      const rest = bytes.toString('latin1', at + 1, end);
      if (kind === '$') next += Number(rest) + 2;
      if (next > bytes.length) return at;
      at = next;
      // Nobody vouched: WAIT says how many replicas did.
      this.#answered(kind === '-' ? rest : kind === ':' && rest === '0' ? 'no-replica' : null);
    }
  }

  #answered(failure: string | null): void {
    const tell = this.#waiting[this.#first];
    this.#first += 1;
    if (this.#first > 1024) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
    tell?.(failure);
  }
}
