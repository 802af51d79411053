/** Reading a world over HTTP: its state at a number, and its commands as lines. Both are written piece by piece. */
import { commandToJson } from '../../game-logic/to-json.ts';
import type { WorldStateLike } from '../../game-logic/types.ts';
import { digestText } from '../../schemas/support/digest.ts';
import { decodeEnvelope } from '../../schemas/support/envelope.ts';
import type { Row } from '../../schemas/support/types.ts';
import { ThroughlineError } from '../errors.ts';
import type { GatewayLimits } from './bounds.ts';
import { ANY_ORIGIN, type Exchange, JSON_TYPE, type Outflow } from './exchange.ts';
import type { GatewayLogger } from './types.ts';
import type { WorldDesk } from './world-desk.ts';

/** Characters gathered before they are written. */
const CHUNK = 32 * 1024;
/** The log may lag a little behind what is applied. */
const LAG_MS = 20;

/** GET …/state[?at][&min][&consistency] */
export async function getState(exchange: Exchange, desk: WorldDesk, context: ReadContext): Promise<void> {
  const { world } = desk;
  const { limits, logger } = context;
  const at = wholeNumber(exchange, 'at', 0);
  const min = wholeNumber(exchange, 'min', 0);
  const consistency = exchange.query.get('consistency') ?? 'local';
  if (consistency !== 'local' && consistency !== 'linearizable')
    throw new ThroughlineError('bad-request', "consistency is 'local' or 'linearizable'");
  if (consistency === 'linearizable') await world.linearizable(limits.readMs);
  if (min !== null && world.state.number < min) await world.applied(min, limits.readMs);
  const state = at === null ? world.state : await world.stateAt(at);
  const pieces = stateText(state);
  const outflow = exchange.stream(200, { ...JSON_TYPE, ...ANY_ORIGIN });
  await whole(outflow, logger, () => pour(exchange, outflow, pieces));
}

/** Ends the answer when `work` is done; cuts it off where that failed, for its head has been sent. */
async function whole(outflow: Outflow, logger: GatewayLogger, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    outflow.end();
  } catch (cause) {
    logger.error({ event: 'http-stream', err: cause }, 'an answer ended early');
    outflow.abort();
  }
}

/**
 * Rows are immutable: the references taken now are the state as of now, whatever is applied while it is written.
 * Numbers in rows are safe integers, which JSON carries exactly.
 */
function stateText(state: WorldStateLike): Generator<string> {
  const { number } = state;
  const digest = digestText(state.digest);
  const tables = state.tableNames().map((name) => [name, [...(state.table(name)?.rows() ?? [])]] as const);
  return stateJson(number, digest, tables);
}

function* stateJson(
  number: number,
  digest: string,
  tables: readonly (readonly [string, readonly Row[]])[],
): Generator<string> {
  yield `{"number":${number},"digest":"${digest}","tables":{`;
  let comma = '';
  for (const [name, rows] of tables) {
    yield `${comma}${JSON.stringify(name)}:[`;
    comma = ',';
    for (let i = 0; i < rows.length; i++) yield (i === 0 ? '' : ',') + JSON.stringify(rows[i]);
    yield ']';
  }
  yield '}}';
}

interface Followers {
  followers: number;
}

export interface ReadContext {
  readonly regions: readonly string[];
  readonly limits: GatewayLimits;
  readonly logger: GatewayLogger;
  readonly draining: () => boolean;
}

/** GET …/commands?from[&to][&follow] */
export async function getCommands(
  exchange: Exchange,
  desk: WorldDesk,
  context: ReadContext,
  door: Followers,
): Promise<void> {
  const from = wholeNumber(exchange, 'from', 1);
  const to = wholeNumber(exchange, 'to', 1) ?? Number.MAX_SAFE_INTEGER;
  const follow = flag(exchange, 'follow');
  if (from === null) throw new ThroughlineError('bad-request', 'from is missing: the first command wanted');
  if (to < from) throw new ThroughlineError('bad-request', 'to lies before from');
  if (follow && door.followers >= context.limits.followers)
    throw new ThroughlineError('overloaded', 'too many streams are open');
  // Read before the head is sent: what is compacted must be told by its status.
  const first = await readUpTo(desk, from, to, context.limits.readBytes);
  const outflow = exchange.stream(200, { 'Content-Type': 'application/x-ndjson', ...ANY_ORIGIN });
  const lines = new CommandLines(exchange, outflow, desk, context);
  if (follow) door.followers++;
  await whole(outflow, context.logger, () => lines.run(from, to, follow, first));
  if (follow) door.followers--;
}

class CommandLines {
  readonly #exchange: Exchange;
  readonly #outflow: Outflow;
  readonly #desk: WorldDesk;
  readonly #context: ReadContext;
  /** Ends a wait. */
  #wake: (() => void) | null = null;

  constructor(exchange: Exchange, outflow: Outflow, desk: WorldDesk, context: ReadContext) {
    this.#exchange = exchange;
    this.#outflow = outflow;
    this.#desk = desk;
    this.#context = context;
    exchange.onGone(() => this.#wake?.());
  }

  /** Pulls: what the receiver does not take is not read. */
  async run(from: number, to: number, follow: boolean, first: readonly Uint8Array[]): Promise<void> {
    const { limits, draining } = this.#context;
    const { world } = this.#desk;
    let next = from;
    let commands = first;
    // The head alone might not leave: a space begins the body.
    if (first.length === 0) this.#outflow.write(' ');
    for (;;) {
      await pour(this.#exchange, this.#outflow, this.#lines(commands));
      // Commands from memory come without a wait, and a fast receiver takes them so: others want to be served, too.
      await new Promise((resolve) => setImmediate(resolve));
      next += commands.length;
      if (this.#exchange.gone || next > to) return;
      if (next > world.state.number) {
        if (!follow || draining()) return;
        await this.#wait(next, limits.followMs);
      } else if (commands.length === 0) {
        await this.#desk.more(LAG_MS);
      }
      commands = await readUpTo(this.#desk, next, to, limits.readBytes);
    }
  }

  /** Until there is something to read, or it is time to show that the stream is alive, or the receiver is gone. */
  async #wait(next: number, ms: number): Promise<void> {
    await this.#desk.more(ms, (wake) => {
      this.#wake = wake;
    });
    this.#wake = null;
    if (next > this.#desk.world.state.number && !this.#outflow.write(' ')) await this.#outflow.drained();
  }

  *#lines(commands: readonly Uint8Array[]): Generator<string> {
    const { definition } = this.#desk.world;
    for (const bytes of commands) {
      const json = commandToJson(definition, decodeEnvelope(bytes, true), this.#context.regions);
      yield `${JSON.stringify(json)}\n`;
    }
  }
}

/** What is applied of from..to, as far as it fits; nothing if `from` is not applied yet. */
function readUpTo(desk: WorldDesk, from: number, to: number, bytes: number): Promise<readonly Uint8Array[]> {
  const applied = desk.world.state.number;
  return from > applied ? Promise.resolve([]) : desk.world.read(from, Math.min(to, applied), bytes);
}

async function pour(exchange: Exchange, outflow: Outflow, pieces: Iterable<string>): Promise<void> {
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < CHUNK) continue;
    if (!outflow.write(text)) await outflow.drained();
    text = '';
    if (exchange.gone) return;
  }
  if (!outflow.write(text)) await outflow.drained();
}

/** A query parameter, null where it is missing. Throws `bad-request`. */
function wholeNumber(exchange: Exchange, name: string, least: number): number | null {
  const text = exchange.query.get(name);
  if (text === null) return null;
  const number = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(number) || number < least)
    throw new ThroughlineError('bad-request', `${name} is a whole number from ${least} to 9007199254740991`);
  return number;
}

function flag(exchange: Exchange, name: string): boolean {
  const text = exchange.query.get(name);
  if (text === null || text === '0' || text === 'false') return false;
  if (text === '' || text === '1' || text === 'true') return true;
  throw new ThroughlineError('bad-request', `${name} is 0 or 1`);
}
