/** What a worker thread of a region does: its share of the worlds, and the door for their clients. Links and disk are the main thread's. */
import { formatAddress } from '../config.ts';
import { createGateway } from '../gateway/gateway.ts';
import type { Gateway } from '../gateway/types.ts';
import { CREW_QUEUE_BYTES } from '../limits.ts';
import { decodePeer, encodeParts } from '../links/codec.ts';
import type { PeerMessage } from '../links/types.ts';
import { createLoggerTo } from '../log.ts';
import { Hall } from '../region/hall.ts';
import type { LocalWorld } from '../region/local-world.ts';
import type { ActAnswer, Asker } from '../world-service.ts';
import { Line, type Port } from './line.ts';
import { LineStorage } from './line-storage.ts';
import type { ToMain, ToWorker, WorkerStart } from './messages.ts';
import { ownCopy } from './packed.ts';
import { encodeError } from './wire-error.ts';

export class Staff implements Asker {
  readonly #start: WorkerStart;
  readonly #self: number;
  readonly #line: Line<ToMain, ToWorker>;
  readonly #log: ReturnType<typeof createLoggerTo>;
  #hall: Hall | null = null;
  #gateway: Gateway | null = null;
  #roundTrip = 0;
  #failure: string | null = null;
  /** The last message of this turn, and to whom; more devices may be added until its parcel has left. */
  #sent: {
    readonly world: string;
    readonly message: PeerMessage;
    readonly devices: number[];
    readonly parcel: number;
  } | null = null;

  constructor(start: WorkerStart, port: Port) {
    this.#start = start;
    this.#self = start.config.regions.indexOf(start.config.region);
    this.#line = new Line(port, start.counters, 1, {
      take: (notice) => this.#take(notice),
      answer: (method, args) => this.#answer(method, args),
    });
    this.#log = createLoggerTo(
      { write: (text) => this.#line.tell({ kind: 'log', text }) },
      start.config.region,
      start.logLevel,
    );
  }

  /**
   * Fail stop: something threw where nobody expected it, so what the core counts as written may never reach the store. Nothing is
   * taken, written, voted or sent any more; the main thread has this process leave.
   */
  fail(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#line.tell({ kind: 'failed', reason: this.#failure });
    this.#hall?.fail(this.#failure);
    this.#log.fatal({ event: 'stopped', reason: this.#failure }, 'the worlds of this worker stopped');
  }

  // ---- notices ------------------------------------------------------------------------------------------------------------

  #take(notice: ToWorker): void {
    switch (notice.kind) {
      case 'peer':
        this.#receive(notice.from, notice.bytes);
        return;
      case 'begin':
        this.#hall?.begin();
        return;
      case 'halt':
        this.#hall?.halt();
        return;
      case 'all':
        this.#hall?.tellAll(notice.input);
        return;
      case 'way':
        this.#roundTrip = notice.roundTrip;
        return;
      case 'act':
        this.#world(notice.world).act(notice.request, this, notice.id);
        return;
      case 'connected':
        this.#world(notice.world).connected(notice.session);
        return;
      case 'disconnected':
        this.#world(notice.world).disconnected(notice.session, notice.left);
        return;
    }
  }

  #receive(from: number, bytes: Uint8Array): void {
    let received: ReturnType<typeof decodePeer>;
    try {
      received = decodePeer(bytes, from, this.#self);
    } catch (error) {
      this.#line.tell({ kind: 'nonsense', from, reason: (error as Error).message });
      return;
    }
    this.#hall?.receive(received.world, from, received.message);
  }

  /** What became of an action that came over the peer port. */
  answered(tag: number, error: Error | null, answer: ActAnswer | undefined): void {
    const failed = error === null ? null : encodeError(error);
    this.#line.tell({ kind: 'answered', id: tag, error: failed, answer });
  }

  /** One message to several peers is one notice. What finds no room is lost, as on a link. */
  #send(world: string, device: number, message: PeerMessage): void {
    const last = this.#sent;
    if (last?.message === message && last.world === world && last.parcel === this.#line.parcels) {
      last.devices.push(device);
      return;
    }
    if (this.#failure !== null || this.#line.underWay > CREW_QUEUE_BYTES) return;
    const bytes = this.#encode(world, message);
    if (bytes === null) return;
    const devices = [device];
    if (last === null) queueMicrotask(() => (this.#sent = null));
    this.#sent = { world, message, devices, parcel: this.#line.parcels };
    this.#line.tell({ kind: 'send', devices, bytes }, [bytes.buffer]);
  }

  /** Null, logged, for what the schema cannot hold: one message's fault must not stop the rest. */
  #encode(world: string, message: PeerMessage): Uint8Array<ArrayBuffer> | null {
    try {
      return ownCopy(encodeParts(world, message));
    } catch (error) {
      const detail = `${message.kind} for ${world}: ${(error as Error).message}`;
      this.#log.warn({ event: 'link', code: 'unencodable', detail }, 'a message to a peer is dropped');
      return null;
    }
  }

  // ---- calls --------------------------------------------------------------------------------------------------------------

  async #answer(method: string, args: readonly unknown[]): Promise<unknown> {
    const [first, second, third] = args;
    switch (method) {
      case 'open':
        return this.#open();
      case 'here':
        return undefined;
      case 'serve':
        return this.#serve();
      case 'statuses':
        return this.#hall?.services.map((world) => world.status());
      case 'stats':
        return this.#gateway?.stats();
      case 'linearizable':
        return this.#world(first as string).linearizable(second as number);
      case 'applied':
        return this.#world(first as string).applied(second as number, third as number);
      case 'hand-over':
        return this.#world(first as string).handOver(second as string);
      case 'hand-over-all':
        return this.#hall?.handOverAll(first as string);
      case 'close-door':
        return this.#gateway?.drain();
      case 'drain':
        return this.#hall?.drain();
      case 'close':
        await this.#gateway?.close();
        return this.#hall?.close();
      default:
        throw new Error(`a worker has no method ${method}`);
    }
  }

  async #open(): Promise<void> {
    const { config, worlds } = this.#start;
    this.#hall = await Hall.open({
      config,
      worlds,
      log: this.#log,
      storage: ({ name }) =>
        new LineStorage((method, args, transfer) => this.#line.call(method, [name, ...args], transfer)),
      send: (world, to, message) => this.#send(world, to, message),
      roundTrip: () => this.#roundTrip,
      stopped: (world, reason) => this.#line.tell({ kind: 'stopped', world, reason }),
    });
    if (this.#failure !== null) this.#hall.fail(this.#failure);
  }

  /** The port after the region's own for the first worker, and so on; any where the region's own is any. */
  async #serve(): Promise<{ readonly host: string; readonly port: number }> {
    const { config, index } = this.#start;
    const { region, regions, secret, guests, transport, tokenMs, listen } = config;
    const place = { host: listen.host, port: listen.port === 0 ? 0 : listen.port + index };
    this.#gateway = createGateway({
      ...{ ...place, worlds: this.#hall?.services ?? [], region, regions, secret, guests, transport },
      ...{ logger: this.#log, limits: { tokenMs } },
    });
    try {
      return await this.#gateway.start();
    } catch (error) {
      const { message } = error as Error;
      throw new Error(
        `worker ${index} cannot listen at ${formatAddress(place)}: ${message}. The ports that follow --listen, one for each ` +
          'of --workers, must be free',
        { cause: error },
      );
    }
  }

  #world(name: string): LocalWorld {
    const world = this.#hall?.service(name);
    if (world === undefined) throw new Error(`worker ${this.#start.index} has no world '${name}'`);
    return world;
  }
}
