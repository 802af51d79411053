/** One connection to a region server: a room of the Colyseus SDK, with its own reconnecting switched off. */
import { Client, type Room } from '@colyseus/sdk';

export interface Dial {
  readonly url: string;
  readonly world: string;
  readonly token: string | null;
  readonly from: number | null;
  /** `frames`: merged commands; `answers`: nothing of the world's sequence, for those who only act. Default: `commands`. */
  readonly stream?: 'commands' | 'frames' | 'answers';
}

export interface ConnectionEvents {
  /** A byte message; `bytes` may be kept. */
  message(type: number, bytes: Uint8Array): void;
  heard(): void;
  /**
   * At most once, and nothing after it. `refusal`: the server's code of a no for good. `retryAfterMs`: a server that has too
   * many guests asks not to be tried again sooner.
   */
  lost(reason: string, refusal?: string, retryAfterMs?: number): void;
}

export interface Connection {
  send(type: number, bytes: Uint8Array): void;
  ping(): void;
  /** Ends it without a `lost`. `consented`: say good-bye, so that the world lets the session leave; resolves once said. */
  hangUp(consented: boolean): Promise<void>;
}

export type Dialler = (dial: Dial, events: ConnectionEvents) => Connection;

/** Numeric types of schemas/client.fbs. */
export const UP = { act: 1, acts: 8 } as const;
export const DOWN = {
  commands: 2,
  answer: 3,
  snapshot: 4,
  frame: 5,
  welcome: 6,
  moveOn: 7,
  answers: 9,
} as const;

/** Close code of a socket that ended without a word. */
const BROKEN = 1006;

/** A no that another try at this address will not change. */
const FOR_GOOD = new Set(['bad-request', 'unauthorized', 'forbidden', 'no-such-world', 'not-found']);

/** How long a good-bye may take before the socket is closed all the same. */
const FAREWELL_MS = 500;

/** Dials by WebSocket; the answer comes through `events`. */
export const dialRoom: Dialler = (dial, events) => {
  let room: Room | null = null;
  let over = false;
  const end = (reason: string, refusal?: string, retryAfterMs?: number) => {
    if (over) return;
    over = true;
    events.lost(reason, refusal, retryAfterMs);
  };

  join(dial).then(
    (joined) => {
      joined.reconnection.enabled = false;
      if (over) {
        // What is still on its way is nobody's; the SDK would warn of each message that has no listener.
        joined.onMessage('*', () => {});
        quietly(() => joined.leave(false));
        return;
      }
      room = joined;
      for (const type of Object.values(DOWN))
        joined.onMessage(type, (bytes: Uint8Array) => {
          if (!over) events.message(type, bytes);
        });
      joined.onMessage('*', () => {});
      joined.onError((code, message) => {
        const { text, refusal } = complaint(message);
        end(text || `error ${code}`, refusal);
      });
      joined.onLeave((code, reason) => {
        const { text, refusal } = complaint(reason);
        end(text || (code === BROKEN ? 'the connection broke' : `closed with ${code}`), refusal);
      });
    },
    (error: unknown) => {
      const { text, refusal, retryAfterMs } = complaint(
        error instanceof Error ? error.message : String(error),
      );
      end(text || 'could not join', refusal, retryAfterMs);
    },
  );

  return {
    send(type, bytes) {
      if (room?.connection.isOpen) quietly(() => room?.sendBytes(type, bytes));
    },
    ping() {
      quietly(() =>
        room?.ping(() => {
          if (!over) events.heard();
        }),
      );
    },
    async hangUp(consented) {
      if (over) return;
      over = true;
      const leaving = room;
      if (!leaving?.connection.isOpen) return;
      const left = Promise.resolve(leaving.leave(consented)).catch(() => {});
      await Promise.race([left, new Promise((resolve) => setTimeout(resolve, FAREWELL_MS))]);
      if (leaving.connection.isOpen) quietly(() => leaving.connection.close());
    },
  };
};

async function join(dial: Dial): Promise<Room> {
  const options = {
    world: dial.world,
    stream: dial.stream ?? 'commands',
    ...(dial.token === null ? {} : { token: dial.token }),
    ...(dial.from === null ? {} : { from: dial.from }),
  };
  return await new Client(dial.url).joinOrCreate('world', options);
}

/** What a server says of a no: `code: detail` in close reasons, {"error","detail","retryAfterMs"?} where a join is refused. */
export function complaint(words: string | undefined): {
  readonly text: string;
  readonly refusal: string | undefined;
  readonly retryAfterMs: number | undefined;
} {
  const { text, retryAfterMs } = plainly(words ?? '');
  const code = /^([a-z-]+)(?::|$)/.exec(text)?.[1];
  return { text, refusal: code !== undefined && FOR_GOOD.has(code) ? code : undefined, retryAfterMs };
}

function plainly(words: string): { readonly text: string; readonly retryAfterMs?: number } {
  if (!words.startsWith('{')) return { text: words };
  try {
    const { error, detail, retryAfterMs } = JSON.parse(words) as { readonly [name: string]: unknown };
    if (typeof error !== 'string') return { text: words };
    const text = `${error}: ${String(detail ?? '')}`;
    return Number.isFinite(retryAfterMs) && (retryAfterMs as number) > 0
      ? { text, retryAfterMs: retryAfterMs as number }
      : { text };
  } catch {
    return { text: words };
  }
}

/** A socket that is going away may throw; its end is told by `lost` alone. */
function quietly(run: () => unknown): void {
  try {
    const promise = run();
    if (promise instanceof Promise) promise.catch(() => {});
  } catch {
    // Told by `lost`.
  }
}
