/** The gateway of one region: worlds in, clients out. Wires the files of this room together. */
import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { matchMaker } from '@colyseus/core';
import { ThroughlineError } from '../errors.ts';
import { admit, type Doorkeeper, worldNamed } from './admission.ts';
import { DEFAULT_LIMITS, type GatewayLimits } from './bounds.ts';
import type { Exchange } from './exchange.ts';
import { HttpDoor } from './http.ts';
import { JoinLine } from './join-line.ts';
import { ROOM_TYPE, setUpMatchmaker } from './matchmaker.ts';
import type { Admission } from './member.ts';
import { loadPages } from './pages.ts';
import { Tokens } from './tokens.ts';
import { createWire } from './transport.ts';
import type { ActionCounts, CutOff, Gateway, GatewayOptions, GatewayStats } from './types.ts';
import type { Wire } from './wire.ts';
import { WorldDesk } from './world-desk.ts';
import { addHost, removeHost, WorldRoom } from './world-room.ts';

type JoinOptions = Readonly<Record<string, unknown>>;
interface GivenSeat {
  readonly desk: WorldDesk;
  readonly until: number;
  readonly admission: Admission;
}
type RoomListing = Awaited<ReturnType<typeof matchMaker.createRoom>>;

/** How often a leaving gateway looks whether all answers are out. */
const DRAIN_LOOK_MS = 20;
/** Looks at a room whose sockets are all closed until it is empty. */
const LEAVE_LOOKS = 50;
/** A seat is kept a little longer here than by Colyseus, so that the count never falls short. */
const SEAT_SLACK_MS = 500;

export function createGateway(options: GatewayOptions): Gateway {
  return new RegionGateway(options);
}

class RegionGateway implements Gateway {
  readonly #id = randomUUID();
  readonly #options: GatewayOptions;
  readonly #limits: GatewayLimits;
  readonly #door: Doorkeeper;
  readonly #counts: ActionCounts = {
    ...{ issued: 0, duplicate: 0, refused: 0, failed: 0, unavailable: 0, unknown: 0, rejected: 0 },
  };
  readonly #cutOffs: Record<CutOff, number> = { overflow: 0, stalled: 0, nonsense: 0, flood: 0, late: 0 };
  readonly #desks = new Map<string, WorldDesk>();
  /** Colyseus' rooms by world, and the ids of them all. */
  readonly #rooms = new Map<string, RoomListing>();
  readonly #roomIds = new Set<string>();
  /** Seats given out and not taken yet; oldest first. */
  readonly #seats = new Map<string, GivenSeat>();
  /** Seats that are being given: a token takes a while to check, and others come meanwhile. */
  #giving = 0;
  readonly #line: JoinLine;
  #wire: Wire | null = null;
  #http: HttpDoor | null = null;
  #sweeper: NodeJS.Timeout | null = null;
  #draining = false;
  #closed = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#line = new JoinLine(this.#limits, now);
    this.#door = {
      worlds: new Map(options.worlds.map((world) => [world.name, world])),
      tokens: new Tokens(options.secret, this.#limits.tokenMs, this.#limits.tokens),
      guests: options.guests,
      draining: () => this.#draining,
    };
  }

  async start(): Promise<{ readonly host: string; readonly port: number }> {
    try {
      return await this.#start();
    } catch (cause) {
      await this.close();
      throw cause;
    }
  }

  async #start(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, logger, transport = 'auto' } = this.#options;
    const pages = await loadPages(
      this.#options.pageDirectory,
      this.#limits.pageFiles,
      this.#limits.pageBytes,
    );
    await setUpMatchmaker(WorldRoom, logger);
    const events = {
      request: (exchange: Exchange) => this.#http?.handle(exchange),
      hasRoom: (roomId: string) => this.#roomIds.has(roomId),
    };
    const wire = await createWire(transport, events, this.#limits, logger);
    this.#wire = wire;
    for (const world of this.#options.worlds) this.#desks.set(world.name, this.#desk(world, wire));
    this.#http = new HttpDoor({
      ...{ ...this.#door, limits: this.#limits, counts: this.#counts, logger, pages, now },
      ...{ desks: this.#desks, regions: this.#options.regions },
      seat: (how, room, options, exchange) => this.#seat(how, room, options, exchange),
    });
    addHost(this.#id, {
      seatSeconds: this.#limits.seatSeconds,
      desk: (world) => worldNamed(this.#desks, world),
      seated: (seat) => this.#seated(seat),
    });
    for (const world of this.#desks.keys()) {
      const room = await matchMaker.createRoom(ROOM_TYPE, { world, gateway: this.#id });
      this.#rooms.set(world, room);
      this.#roomIds.add(room.roomId);
    }
    const port = await wire.listen(host, this.#options.port);
    this.#sweeper = setInterval(() => this.#sweep(), this.#limits.sweepMs);
    return { host, port };
  }

  async drain(): Promise<void> {
    if (this.#closed) return;
    this.#draining = true;
    for (const desk of this.#desks.values()) desk.moveOn('draining');
    const until = now() + this.#limits.drainMs;
    while (this.#outstanding() > 0 && now() < until) await pause(DRAIN_LOOK_MS);
    for (const desk of this.#desks.values()) desk.end('this server is leaving');
    // Close frames and last answers leave in the turns that follow.
    await pause(DRAIN_LOOK_MS);
    await this.close();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#draining = true;
    this.#line.close();
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    await this.#wire?.close();
    for (const roomId of this.#roomIds) await dispose(roomId);
    for (const desk of this.#desks.values()) desk.close();
    removeHost(this.#id);
  }

  stats(): GatewayStats {
    const desks = [...this.#desks.values()];
    const sum = (of: (desk: WorldDesk) => number) => desks.reduce((total, desk) => total + of(desk), 0);
    return {
      transport: this.#wire?.kind ?? null,
      draining: this.#draining,
      clients: sum((desk) => desk.clients),
      live: sum((desk) => desk.live),
      outboxBytes: sum((desk) => desk.outboxBytes),
      outstanding: this.#outstanding(),
      httpRequests: this.#http?.requests ?? 0,
      followers: this.#http?.followers ?? 0,
      actions: { ...this.#counts },
      frames: sum(({ feed, merged }) => feed.frames + merged.frames),
      frameBytes: sum(({ feed, merged }) => feed.bytes + merged.bytes),
      slowed: sum((desk) => desk.slowed),
      snapshots: sum((desk) => desk.snapshots.taken),
      cutOff: { ...this.#cutOffs },
    };
  }

  #desk(world: GatewayOptions['worlds'][number], wire: Wire): WorldDesk {
    const { region, regions, logger } = this.#options;
    return new WorldDesk(world, {
      ...{ region, regions, logger, wire, now, limits: this.#limits },
      ...{ counts: this.#counts, cutOffs: this.#cutOffs, draining: this.#door.draining },
    });
  }

  #outstanding(): number {
    let total = 0;
    for (const desk of this.#desks.values()) total += desk.sessions.outstanding;
    return total;
  }

  #sweep(): void {
    const at = now();
    for (const desk of this.#desks.values()) desk.sweep(at);
  }

  /** Answers POST /matchmake/joinOrCreate/world, the first half of a join: a seat, taken by the WebSocket that follows. */
  async #seat(how: string, type: string, options: JoinOptions, exchange: Exchange): Promise<string> {
    if (type !== ROOM_TYPE || !['joinOrCreate', 'join', 'create'].includes(how))
      throw new ThroughlineError('not-found', `there is only joinOrCreate of '${ROOM_TYPE}'`);
    const desk = worldNamed(this.#desks, options['world']);
    await this.#line.turn(() => exchange.gone);
    this.#forgetSeats();
    const { seats, clients } = this.#limits;
    if (this.#seats.size + this.#giving >= seats || desk.clients + desk.seats >= clients)
      throw new ThroughlineError('overloaded', 'this server is full');
    this.#giving++;
    desk.seats++;
    try {
      return await this.#give(desk, options);
    } catch (cause) {
      desk.seats--;
      throw cause;
    } finally {
      this.#giving--;
    }
  }

  async #give(desk: WorldDesk, options: JoinOptions): Promise<string> {
    const admission = await admit(this.#door, options);
    // Straight to the room: Colyseus would look for it, and ask who may come in, by a dozen promises.
    const room = this.#rooms.get(desk.world.name) as RoomListing;
    const seat = await matchMaker.reserveSeatFor(room, {});
    const until = now() + this.#limits.seatSeconds * 1000 + SEAT_SLACK_MS;
    this.#seats.set(seat.sessionId, { desk, until, admission });
    return JSON.stringify(seat);
  }

  #seated(seat: string): Admission {
    const given = this.#seats.get(seat);
    if (given === undefined) throw new Error(`nobody was given seat ${seat}`);
    this.#free(seat, given);
    return given.admission;
  }

  #forgetSeats(): void {
    const at = now();
    for (const [seat, given] of this.#seats) {
      if (given.until > at) return;
      this.#free(seat, given);
    }
  }

  #free(seat: string, { desk }: GivenSeat): void {
    this.#seats.delete(seat);
    desk.seats--;
  }
}

/** While clients leave, Colyseus' own disposal would wait for every seat that nobody took to expire. */
async function dispose(roomId: string): Promise<void> {
  const room = matchMaker.getLocalRoomById(roomId);
  if (room === undefined) return;
  for (let look = 0; room.clients.length > 0 && look < LEAVE_LOOKS; look++) await pause(DRAIN_LOOK_MS);
  await room.disconnect();
}

/** In whole milliseconds: a number that takes no object of its own where a client keeps it. */
const now = (): number => Math.trunc(performance.now());

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
