/** Picks the WebSocket transport. */
import type { GatewayLimits } from './bounds.ts';
import type { GatewayLogger } from './types.ts';
import { createUwsWire } from './uws-wire.ts';
import type { Wire, WireEvents } from './wire.ts';

/** Loaded where it is used: it brings express and what that needs, a fifth of the time that a server takes to start. */
async function createWsWire(events: WireEvents, limits: GatewayLimits): Promise<Wire> {
  const { WsWire } = await import('./ws-wire.ts');
  return new WsWire(events, limits);
}

/** `auto` takes THROUGHLINE_TRANSPORT into account. Rejects only when `uws` is asked for and does not load. */
export async function createWire(
  choice: 'auto' | 'uws' | 'ws',
  events: WireEvents,
  limits: GatewayLimits,
  logger: GatewayLogger,
): Promise<Wire> {
  const asked = choice === 'auto' ? process.env['THROUGHLINE_TRANSPORT'] : choice;
  if (asked === 'ws') return createWsWire(events, limits);
  try {
    return await createUwsWire(events, limits);
  } catch (cause) {
    if (asked === 'uws') throw cause;
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    logger.warn({ event: 'transport', transport: 'ws', reason }, 'uWebSockets.js does not load: using ws');
    return createWsWire(events, limits);
  }
}
