/** Connections between region servers. `net.ts` implements it over TCP; the simulator has its own. */
import type { Message } from '../consensus/types.ts';
import type { ActionRequest, Reply } from '../leader/types.ts';

export type PeerMessage =
  | Message
  /**
   * Actions for the leader of exactly `ballot`; any other answers not-leader. So a copy that is late cannot be run by a
   * later leadership after its asker was told no.
   */
  | { readonly kind: 'execute'; readonly ballot: number; readonly actions: readonly ActionRequest[] }
  /** Answers given in the leadership `ballot`; the asker believes a no only from the one that it asked last. */
  | { readonly kind: 'reply'; readonly ballot: number; readonly replies: readonly Reply[] }
  /** A region asks its leader which number a linearizable read must wait for; answered by a Reply `read`. */
  | { readonly kind: 'read'; readonly request: number }
  /** An operator's wish that reached a region other than the leader: hand leadership of the world to device `to`. */
  | { readonly kind: 'hand-over'; readonly to: number }
  /** All sessions connected to the sending region's gateway, a whole list each time. `left`: they said good-bye since the last one. */
  | { readonly kind: 'presence'; readonly sessions: readonly string[]; readonly left: readonly string[] };

export interface PeerStatus {
  readonly region: string;
  readonly connected: boolean;
  /** Smoothed round trip in ms; null before the first. */
  readonly rttMs: number | null;
  /** Messages that found no room in the peer's queue, since the start of this process. */
  readonly dropped?: number;
}

export interface Links {
  /** Binds and starts dialling; rejects if the address cannot be bound. */
  start(): Promise<void>;
  /** Queues for the one write per turn; dropped when the peer is not connected or its bounded queue is full (the core retransmits). */
  send(world: string, device: number, message: PeerMessage): void;
  /** The same for a message that is encoded already, the world's name in it. */
  forward(device: number, bytes: Uint8Array): void;
  /** Ends the link to a device because of what it sent; it is dialled again. */
  reject(device: number, reason: string): void;
  /** A short text for the host of another region, outside all worlds; lost where there is no link. */
  note(device: number, text: string): void;
  status(): readonly PeerStatus[];
  /** Milliseconds to the farthest connected peer and back; 0 while nothing is known. */
  roundTrip(): number;
  /** Test faults: stop talking to these regions, without closing processes; null heals all. */
  cut(devices: readonly number[] | null): void;
  /** Test faults: delay what is sent to a device, ms; 0 ends it. */
  delay(device: number, ms: number): void;
  close(): Promise<void>;
}

export interface LinkEvents {
  /**
   * One message as it came, not looked into, of a world that may be somewhere else; true: it was taken there. Whoever takes it has to
   * look, and to `reject` the link if it cannot be read. The bytes are valid until this returns.
   */
  raw?(world: string, from: number, bytes: Uint8Array): boolean;
  message(world: string, from: number, message: PeerMessage): void;
  /** Up after both sides proved the cluster secret; down at the first close. */
  link(device: number, up: boolean): void;
  note?(device: number, text: string): void;
  /** Nothing came over a link that is up for an election time-out, or something comes again. A link that goes is silent no more. */
  silent?(device: number, silent: boolean): void;
}
