import { ThroughlineError } from '../errors.ts';
import { CREW_QUEUE_BYTES } from '../limits.ts';
import type { OpenAsks } from '../region/open-asks.ts';
import type { ActingWorld, ActRequest, Asker, WatchedWorld, WorldStatus } from '../world-service.ts';
import type { Line } from './line.ts';
import type { ToMain, ToWorker } from './messages.ts';
import { ownCopy } from './packed.ts';

/** A world on a worker thread, as far as the main thread needs it: for the admin port, and for actions over the peer port. */
export class RemoteWorld implements ActingWorld, WatchedWorld {
  readonly name: string;
  readonly #line: Line<ToWorker, ToMain>;
  readonly #asks: OpenAsks;
  readonly #statuses: () => Promise<ReadonlyMap<string, WorldStatus>>;

  /** `asks`: open actions of all worlds on this line; `statuses`: of all of them, asked for once a turn. */
  constructor(
    name: string,
    line: Line<ToWorker, ToMain>,
    asks: OpenAsks,
    statuses: () => Promise<ReadonlyMap<string, WorldStatus>>,
  ) {
    this.name = name;
    this.#line = line;
    this.#asks = asks;
    this.#statuses = statuses;
  }

  act(request: ActRequest, asker: Asker, tag: number): void {
    const { closed, underWay } = this.#line;
    const id = !closed && underWay <= CREW_QUEUE_BYTES ? this.#asks.add(asker, tag) : null;
    if (id === null) {
      const error = closed
        ? new ThroughlineError('no-quorum', 'this copy of the world stopped')
        : new ThroughlineError('overloaded', 'this region waits for too many answers');
      queueMicrotask(() => asker.answered(tag, error, undefined));
      return;
    }
    const args = ownCopy([request.args]);
    this.#line.tell({ kind: 'act', world: this.name, id, request: { ...request, args } }, [args.buffer]);
  }

  connected(session: string): void {
    this.#line.tell({ kind: 'connected', world: this.name, session });
  }

  disconnected(session: string, left: boolean): void {
    this.#line.tell({ kind: 'disconnected', world: this.name, session, left });
  }

  async status(): Promise<WorldStatus> {
    const status = (await this.#statuses()).get(this.name);
    if (status === undefined) throw new Error(`no worker knows of world '${this.name}'`);
    return status;
  }

  linearizable(timeoutMs: number): Promise<void> {
    return this.#line.call('linearizable', [this.name, timeoutMs]);
  }

  applied(number: number, timeoutMs: number): Promise<void> {
    return this.#line.call('applied', [this.name, number, timeoutMs]);
  }

  handOver(region: string): Promise<void> {
    return this.#line.call('hand-over', [this.name, region]);
  }
}
