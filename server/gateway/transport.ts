/** Picks the WebSocket transport. */
import type { GatewayLimits } from './bounds.ts';
import type { GatewayLogger } from './types.ts';
import { createUwsWire } from './uws-wire.ts';
import type { Wire, WireEvents } from './wire.ts';
import { WsWire } from './ws-wire.ts';

/** `auto` takes THROUGHLINE_TRANSPORT into account. Rejects only when `uws` is asked for and does not load. */
export async function createWire(
  choice: 'auto' | 'uws' | 'ws',
  events: WireEvents,
  limits: GatewayLimits,
  logger: GatewayLogger,
): Promise<Wire> {
  const asked = choice === 'auto' ? process.env['THROUGHLINE_TRANSPORT'] : choice;
  if (asked === 'ws') return new WsWire(events, limits);
  try {
    return await createUwsWire(events, limits);
  } catch (cause) {
    if (asked === 'uws') throw cause;
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    logger.warn({ event: 'transport', transport: 'ws', reason }, 'uWebSockets.js does not load: using ws');
    return new WsWire(events, limits);
  }
}
