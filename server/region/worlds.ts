/** The worlds of a region and the door for their clients, on whichever threads they are. */
import type { Address } from '../config.ts';
import type { GatewayStats } from '../gateway/types.ts';
import type { PeerMessage } from '../links/types.ts';
import type { HostInput } from '../replica/types.ts';
import type { ActingWorld, WatchedWorld } from '../world-service.ts';

export interface WorldsOfRegion {
  /** In the order in which they were given. */
  readonly services: readonly WatchedWorld[];
  service(world: string): ActingWorld | undefined;
  /** From a peer. A world that only others serve is no error: worlds may be added region by region. */
  receive(world: string, from: number, message: PeerMessage): void;
  /** The same before anybody looked into it; true: it was taken as it is, and `receive` will not come for it. */
  receiveRaw(world: string, from: number, bytes: Uint8Array): boolean;
  /** What concerns every world. */
  tellAll(input: HostInput): void;
  /** From now on the worlds are told the time. */
  begin(): void;
  /** Lets clients in; resolves with the address bound. */
  openDoor(): Promise<Address>;
  /** Undefined until the door is open. */
  stats(): GatewayStats | undefined | Promise<GatewayStats>;
  /** How busy each worker thread is, 0 to 1; undefined where there are none. */
  readonly busy: (() => readonly { readonly index: number; readonly share: number }[]) | undefined;
  /** Leadership of the worlds led here, to another region; gives up after a while. */
  handOverAll(to: string): Promise<void>;
  /** Tells clients to move on, waits for answers under way, closes the door. */
  closeDoor(): Promise<void>;
  /** Takes no further action; resolves when what is under way is done and durable. */
  drain(): Promise<void>;
  /** No world is told the time any more. */
  halt(): void;
  close(): Promise<void>;
}
