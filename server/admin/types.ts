/** What the admin port is given. */
import type { WatchedWorld } from '../world-service.ts';

export interface AdminLogger {
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** One element of "peers" in GET /api/status. */
export interface PeerView {
  readonly region: string;
  readonly connected: boolean;
  /** null while not known. */
  readonly rttMs: number | null;
}

/** What the metrics want to know of a gateway; its `stats()` has more. */
export interface GatewayFigures {
  readonly clients: number;
  readonly live: number;
  readonly outboxBytes: number;
  readonly outstanding: number;
  readonly httpRequests: number;
  readonly followers: number;
  readonly actions: Readonly<Record<string, number>>;
  readonly frames: number;
  readonly frameBytes: number;
  readonly slowed: number;
  readonly snapshots: number;
  readonly cutOff: Readonly<Record<string, number>>;
}

/** How busy a worker thread is, 0 to 1. */
export interface WorkerShare {
  readonly index: number;
  readonly share: number;
}

/** Faults on purpose, for demonstrations and tests; each resolves when it is in force. */
export interface Faults {
  /** Cuts the two regions off from each other. */
  cut(a: string, b: string): Promise<void>;
  /** Takes back every cut and delay. */
  heal(): Promise<void>;
  /** Delays what goes between two regions, one way each, in milliseconds. */
  delay(a: string, b: string, ms: number): Promise<void>;
  /** Ends the region's process as SIGKILL would. */
  kill(region: string): Promise<void>;
  /** Stops the region's process as SIGSTOP does, and lets it go on after so many milliseconds. */
  freeze(region: string, ms: number): Promise<void>;
}

export interface AdminOptions {
  readonly host: string;
  /** 0: any free one; `start` tells which. */
  readonly port: number;
  /** null: everything is open, to callers that name a loopback host only. */
  readonly token: string | null;
  readonly region: string;
  readonly regions: readonly string[];
  readonly version: string;
  readonly worlds: readonly WatchedWorld[];
  readonly peers: () => readonly PeerView[];
  /** Its figures are undefined until it serves. */
  readonly gateway?: { stats(): GatewayFigures | undefined | Promise<GatewayFigures> } | undefined;
  /** Where worlds are on worker threads. */
  readonly workers?: (() => readonly WorkerShare[]) | undefined;
  /** Given with --allow-faults only. */
  readonly faults?: Faults | undefined;
  /** Resolves when this world acts, issues and delivers; without it a linearizable read has to do. */
  readonly probe?: ((world: WatchedWorld, timeoutMs: number) => Promise<void>) | undefined;
  readonly logger: AdminLogger;
}

export interface Admin {
  start(): Promise<{ readonly host: string; readonly port: number }>;
  close(): Promise<void>;
}
