import type { Connection, ConnectionEvents } from '../../../client/connection.ts';
import type { Link } from '../../../client/link.ts';
import type { SessionEvent } from '../../../client/session-types.ts';
import type { SnapshotParts, WholeSnapshot } from '../../../client/snapshot-parts.ts';
import type { Act } from '../../../schemas/generated/client.ts';
import type { Production } from '../production.ts';
import { type Down, encodeDown, encodeUp, type Up } from './edge-frames.ts';

type Event = SessionEvent<WholeSnapshot>;

/** Between a client's session and its connections. */
export interface Line {
  dial(connection: number, address: number, from: number | null): void;
  hangUp(connection: number, consented: boolean): void;
  ping(connection: number): void;
  send(connection: number, act: Act): void;
  /** The turn is over. */
  flush(): void;
  heard(connection: number, down: Down): void;
}

export interface LineGround {
  dial(connection: number, address: number, from: number | null): void;
  hangUp(connection: number, consented: boolean): void;
  send(connection: number, up: Up): void;
  ping(connection: number): void;
  feed(events: readonly Event[]): void;
}

/** Nothing but events, those of connections that are over included: the session itself must know what is stale. */
export class EventLine implements Line {
  private readonly production: Production;
  private readonly ground: LineGround;
  private readonly parts = new Map<number, SnapshotParts>();

  constructor(production: Production, ground: LineGround) {
    this.production = production;
    this.ground = ground;
  }

  dial(connection: number, address: number, from: number | null): void {
    this.parts.set(connection, new this.production.SnapshotParts(this.production.DEFAULT_LIMITS));
    this.ground.dial(connection, address, from);
  }

  hangUp(connection: number, consented: boolean): void {
    this.ground.hangUp(connection, consented);
  }

  ping(connection: number): void {
    this.ground.ping(connection);
  }

  send(connection: number, act: Act): void {
    this.ground.send(connection, encodeUp(this.production, [act]));
  }

  flush(): void {}

  heard(connection: number, down: Down): void {
    this.ground.feed(this.eventsOf(connection, down));
  }

  private eventsOf(connection: number, down: Down): Event[] {
    switch (down.kind) {
      case 'commands':
        return down.commands.map((bytes, index) => {
          return { kind: 'command', connection, number: down.first + index, bytes };
        });
      case 'answers':
        return down.answers.map((answer) => ({ kind: 'answer', connection, answer }));
      case 'snapshot': {
        const snapshot = this.parts.get(connection)!.add(down.snapshot);
        return [
          snapshot === null ? { kind: 'heard', connection } : { kind: 'snapshot', connection, snapshot },
        ];
      }
      default:
        return [{ ...down, connection }];
    }
  }
}

/** Through the SDK's own link: bytes in, bytes out, connections as its dialler promises them. */
export class ByteLine implements Line {
  private readonly production: Production;
  private readonly ground: LineGround;
  private readonly link: Link;
  private readonly doors = new Map<number, ConnectionEvents>();
  private dialling = 0;

  constructor(production: Production, ground: LineGround) {
    this.production = production;
    this.ground = ground;
    const { schema } = production.warehouse;
    this.link = new production.Link({
      limits: production.DEFAULT_LIMITS,
      feed: (events) => ground.feed(events),
      objection: (welcome) => (welcome.schema === schema.hash ? null : 'wrong-definition'),
      dial: ({ url, from }, events) => this.open(Number(url), from, events),
    });
  }

  dial(connection: number, address: number, from: number | null): void {
    this.dialling = connection;
    this.link.dial(connection, { url: String(address), world: 'warehouse', token: null, from });
  }

  hangUp(connection: number, consented: boolean): void {
    void this.link.hangUp(connection, consented);
  }

  ping(): void {
    this.link.ping();
  }

  send(_connection: number, act: Act): void {
    this.link.send(act);
  }

  flush(): void {
    this.link.flush();
  }

  heard(connection: number, down: Down): void {
    const door = this.doors.get(connection);
    if (door === undefined) return;
    if (down.kind === 'lost') {
      // At most once, and nothing after it.
      this.doors.delete(connection);
      door.lost(down.reason);
    } else if (down.kind === 'heard') door.heard();
    else {
      const { type, bytes } = encodeDown(this.production, down)!;
      door.message(type, bytes);
    }
  }

  private open(address: number, from: number | null, events: ConnectionEvents): Connection {
    const { ground, dialling: connection } = this;
    this.doors.set(connection, events);
    ground.dial(connection, address, from);
    return {
      send: (type, bytes) => ground.send(connection, { type, bytes }),
      ping: () => ground.ping(connection),
      hangUp: async (consented) => {
        this.doors.delete(connection);
        ground.hangUp(connection, consented);
      },
    };
  }
}
