/** What the region hands to its gateway and gets back; the only file of this room that others import besides gateway.ts. */
import type { WorldService } from '../world-service.ts';
import type { GatewayLimits } from './bounds.ts';

/** Structured logging, as pino has it. */
export interface GatewayLogger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

export interface GatewayOptions {
  /** Address to bind, and nothing else. */
  readonly host: string;
  /** 0: any free one; `start` tells which. */
  readonly port: number;
  readonly worlds: readonly WorldService[];
  readonly region: string;
  /** In index order. */
  readonly regions: readonly string[];
  /** The cluster's shared secret; player tokens of one region are good in all. */
  readonly secret: string;
  /** Anybody may get a session without a token. */
  readonly guests: boolean;
  /** Folder of the playable page, served at /. */
  readonly pageDirectory?: string | undefined;
  /** auto: uWebSockets.js, or ws with one warning where its binary does not load. */
  readonly transport?: 'auto' | 'uws' | 'ws' | undefined;
  readonly logger: GatewayLogger;
  readonly limits?: Partial<GatewayLimits> | undefined;
}

export interface Gateway {
  /** Rejects when the address cannot be bound or a page folder is too large. */
  start(): Promise<{ readonly host: string; readonly port: number }>;
  /** Takes nobody in any more, tells every client to move on, waits for answers under way, closes. */
  drain(): Promise<void>;
  /** Closes everything at once. */
  close(): Promise<void>;
  stats(): GatewayStats;
}

/** How actions ended: `rejected` is what the gateway itself turned away. */
export interface ActionCounts {
  issued: number;
  duplicate: number;
  refused: number;
  failed: number;
  unavailable: number;
  unknown: number;
  rejected: number;
}

export interface GatewayStats {
  readonly transport: 'uws' | 'ws' | null;
  readonly draining: boolean;
  readonly clients: number;
  /** On the live stream; the others get a snapshot or catch up. */
  readonly live: number;
  /** Bytes that clients have not taken yet. */
  readonly outboxBytes: number;
  /** Actions that wait for their outcome. */
  readonly outstanding: number;
  readonly httpRequests: number;
  readonly followers: number;
  readonly actions: Readonly<ActionCounts>;
  /** Frames of commands published to live clients, and their bytes, each counted once however many clients took it. */
  readonly frames: number;
  readonly frameBytes: number;
  /** Live clients that were too slow and had to catch up; clients cut off, by reason. */
  readonly slowed: number;
  readonly snapshots: number;
  readonly cutOff: Readonly<Record<CutOff, number>>;
}

/** overflow: the outbox; stalled: takes nothing; nonsense: too many bad messages; flood: too many messages; late: never joined. */
export type CutOff = 'overflow' | 'stalled' | 'nonsense' | 'flood' | 'late';
