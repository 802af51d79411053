/** Messages of a generator, encoded once and then changed in place: encoding must not be what is measured. */
import { type Act, encodeActs } from '../../../schemas/generated/client.ts';
import { encodeMessage } from '../../../schemas/generated/peer.ts';
import { warehouseSchema } from '../../../schemas/generated/warehouse.ts';

const WORLD = 'warehouse';
/** A number that stands nowhere else in a message, for each act another one: tells where sequences stand. */
const SEQUENCE_HIGH = 0x135790;
const SEQUENCE_LOW = 0x5a5a0000;
const REQUEST = 0x6b6b0000;
const TWO_32 = 2 ** 32;
/** As long as the sessions that a gateway makes. */
const SESSION = '0123456789abcdefghijkl';
/** Different arguments for the same number of acts. */
const VARIANTS = 16;

interface Template {
  readonly bytes: Buffer;
  readonly sequences: readonly number[];
  readonly requests: readonly number[];
  readonly sessions: readonly number[];
}

/** Transfers between `warehouses` warehouses, by the number of acts in a message. */
export class Templates {
  readonly #make: (count: number) => Uint8Array;
  readonly #made: Template[][] = [];
  #turn = 0;

  private constructor(make: (count: number) => Uint8Array) {
    this.#make = make;
  }

  /** Message 8 of schemas/client.fbs. */
  static acts(warehouses: number): Templates {
    return new Templates((count) => encodeActs({ acts: Array.from({ length: count }, act(warehouses)) }));
  }

  /** Executes of one session for a region's peer port. */
  static executes(warehouses: number): Templates {
    return new Templates((count) => {
      const actions = Array.from({ length: count }, (_, i) => ({
        ...act(warehouses)(undefined, i),
        request: REQUEST + i,
        session: SESSION,
      }));
      return encodeMessage({ world: WORLD, body: { kind: 'executeBatch', ballot: 0, actions } }, true);
    });
  }

  /** A copy with the sequences from `first` on and, where the message has them, the session and requests from `request` on. */
  fill(count: number, first: number, request = 0, session = SESSION): Buffer {
    const { bytes, sequences, requests, sessions } = this.#template(count);
    const filled = Buffer.from(bytes);
    sequences.forEach((at, i) => {
      const sequence = first + i;
      filled.writeUInt32LE(sequence % TWO_32, at);
      filled.writeUInt32LE(Math.floor(sequence / TWO_32), at + 4);
    });
    requests.forEach((at, i) => {
      filled.writeUInt32LE(request + i, at);
    });
    for (const at of sessions) filled.write(session, at, 'latin1');
    return filled;
  }

  #template(count: number): Template {
    this.#turn = (this.#turn + 1) % VARIANTS;
    this.#made[count] ??= Array.from({ length: VARIANTS }, () => find(this.#make(count), count));
    return this.#made[count]?.[this.#turn] as Template;
  }
}

const act =
  (warehouses: number) =>
  (_: unknown, i: number): Act => {
    const from = Math.floor(Math.random() * warehouses);
    const to = (from + 1 + Math.floor(Math.random() * (warehouses - 1))) % warehouses;
    const args = warehouseSchema.actions.transfer.encode({ from: `w${from}`, to: `w${to}`, amount: 1 });
    return { sequence: SEQUENCE_HIGH * TWO_32 + SEQUENCE_LOW + i, action: 'transfer', args };
  };

function find(message: Uint8Array, count: number): Template {
  const bytes = Buffer.from(message);
  const sequences: number[] = [];
  const requests: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const word = bytes.readUInt32LE(at);
    const high = at + 8 <= bytes.length ? bytes.readUInt32LE(at + 4) : 0;
    if (word >= SEQUENCE_LOW && word < SEQUENCE_LOW + count && high === SEQUENCE_HIGH)
      sequences[word - SEQUENCE_LOW] = at;
    else if (word >= REQUEST && word < REQUEST + count) requests[word - REQUEST] = at;
  }
  const sessions: number[] = [];
  for (let at = bytes.indexOf(SESSION); at !== -1; at = bytes.indexOf(SESSION, at + 1)) sessions.push(at);
  if (sequences.length !== count || sequences.includes(undefined as never))
    throw new Error('a sequence was not found in the message that was made with it');
  return { bytes, sequences, requests, sessions };
}
