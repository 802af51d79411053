/**
 * Colyseus' matchmaker is one per process, with rooms and room types in module variables. Here it is set up once, however
 * many gateways there are, and told apart by a gateway's id in each room's options.
 */
import { LocalDriver, LocalPresence, matchMaker, type Room } from '@colyseus/core';
import { setLogger } from '@colyseus/core/Logger';
import { WebSocket } from 'ws';
import { leaveOutProbe } from './left-out.ts';
import type { GatewayLogger } from './types.ts';

/** Room type of CONTRACT.md: joinOrCreate('world', …). */
export const ROOM_TYPE = 'world';

// Node 20 has none, and Colyseus compares with its constants.
globalThis.WebSocket ??= WebSocket as unknown as typeof globalThis.WebSocket;

let ready: Promise<void> | null = null;

export function setUpMatchmaker(room: new () => Room, logger: GatewayLogger): Promise<void> {
  ready ??= setUp(room, logger);
  return ready;
}

async function setUp(room: new () => Room, logger: GatewayLogger): Promise<void> {
  setLogger(quiet(logger));
  leaveOutProbe();
  // Rooms live in this process only: who serves what is the cluster's business, not Colyseus'.
  matchMaker.setHealthChecksEnabled(false);
  await matchMaker.setup(new LocalPresence(), new LocalDriver(), undefined, async () => matchMaker.processId);
  await matchMaker.accept();
  const handler = matchMaker.defineRoomType(ROOM_TYPE, room);
  handler.filterBy(['world', 'gateway'] as never);
}

/** Colyseus speaks to the console; here its words go to the log, and only faults at a level that is on by default. */
function quiet(logger: GatewayLogger) {
  const at = (level: 'debug' | 'warn') => (message: unknown) => logger[level]({ event: 'colyseus', message });
  return { debug: at('debug'), trace: at('debug'), info: at('debug'), warn: at('debug'), error: at('warn') };
}
