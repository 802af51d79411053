/**
 * One client connection of a load generator, whatever it speaks. All systems are loaded by the same generator through lines that
 * do the least work a correct client can do, so that what is measured is the servers.
 */
export interface Line {
  /**
   * Asks for one durable write. `done` is called once: with null when it is acknowledged, with a word when it is not or when the line
   * breaks.
   */
  put(done: Done): void;
  /** It broke, or was closed: nothing more can come. */
  readonly closed: boolean;
  close(): void;
}

export type Done = (failure: string | null) => void;

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export type LineKind = 'throughline' | 'etcd' | 'zookeeper' | 'redis' | 'redis-stream';

/** Bytes of a value, and how many keys the writes go to. */
export const VALUE_BYTES = 64;
export const KEYS = 1_000;

export const keyName = (index: number): string => `key${String(index).padStart(5, '0')}`;
export const anyKey = (): number => Math.floor(Math.random() * KEYS);

/** Encoded once for each key: the generator must not be the limit. */
export function forEachKey<T>(make: (key: string, index: number) => T): readonly T[] {
  return Array.from({ length: KEYS }, (_, index) => make(keyName(index), index));
}
