/**
 * The Colyseus room of a world: seats, joins and leaves. What flows is not Colyseus' business: inbound frames are taken from
 * it before it decodes them, outbound ones go to the socket directly (world-desk.ts).
 */
import { type Client, CloseCode, Room } from '@colyseus/core';
import { JOIN_ROOM, LEAVE_ROOM, PING } from './frames.ts';
import type { Admission, Member } from './member.ts';
import type { WorldDesk } from './world-desk.ts';

/** A gateway as its rooms see it. */
export interface RoomHost {
  readonly seatSeconds: number;
  /** The seat of this name is taken: what was granted with it. Throws where nobody was given it. */
  seated(seat: string): Admission;
  desk(world: unknown): WorldDesk;
}

/** Gateways of this process by the id that their rooms' options carry. */
const hosts = new Map<string, RoomHost>();

export function addHost(id: string, host: RoomHost): void {
  hosts.set(id, host);
}

export function removeHost(id: string): void {
  hosts.delete(id);
}

interface RoomOptions {
  readonly gateway: string;
  readonly world: string;
}

/** Colyseus' own handling of a frame; private there, the only place to stand between it and the socket. */
interface Internals {
  _onMessage(client: Client, frame: Uint8Array): void;
}

export class WorldRoom extends Room {
  override autoDispose = false;
  /** There is no Colyseus state to send: this only keeps its clock ticking, once a second. */
  override patchRate = 1000;
  #host: RoomHost | null = null;
  #desk: WorldDesk | null = null;

  override onCreate(options: RoomOptions): void {
    const host = hostOf(options);
    this.seatReservationTimeout = host.seatSeconds;
    this.#host = host;
    this.#desk = host.desk(options.world);
    const internals = this as unknown as Internals;
    const colyseus = internals._onMessage;
    internals._onMessage = (client, frame) => {
      const member = memberOf(client);
      if (member === undefined || !passes(member, frame)) return;
      colyseus.call(this, client, frame);
      if (frame[0] === JOIN_ROOM) member.start();
    };
  }

  /**
   * A seat only. Colyseus would also let in who shows the token of a client that is here, to wait for that one to leave: as many
   * sockets as it likes, counted by nobody, for a reconnection that this room never grants.
   */
  override hasReservedSeat(sessionId: string): boolean {
    return super.hasReservedSeat(sessionId);
  }

  override onJoin(client: Client): void {
    const admission = this.#host?.seated(client.sessionId);
    if (admission !== undefined) client.userData = this.#desk?.join(client, admission);
  }

  override onLeave(client: Client, code?: number): void {
    const member = memberOf(client);
    // One that left early never got as far as `onJoin`.
    if (member !== undefined) this.#desk?.leave(member, code === CloseCode.CONSENTED);
  }
}

const memberOf = (client: Client): Member | undefined => client.userData;

/**
 * Hands a frame to its member, or says that it is one of Colyseus' own. Colyseus would decode strings of any claimed length before
 * it asks whether anybody wants them, so that ten bytes could stop the process for seconds: only its three frames without content pass.
 */
function passes(member: Member, frame: Uint8Array): boolean {
  const code = frame[0];
  if (code === JOIN_ROOM || code === PING || code === LEAVE_ROOM) return member.tolerates();
  member.receive(frame);
  return false;
}

function hostOf(options: RoomOptions): RoomHost {
  const host = hosts.get(options.gateway);
  if (host === undefined) throw new Error('no such gateway in this process');
  return host;
}
