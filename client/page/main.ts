/** The playable page: connects, remembers who the visitor is, and hands over to the game. */
import { arena } from '../../game-logic/worlds/arena/index.ts';
import { connect } from '../connect.ts';
import { Refused } from '../errors.ts';
import { type ArenaWorld, Game } from './game.ts';
import { Hud } from './hud.ts';
import { Input } from './input.ts';
import { serversFrom, Ticket } from './servers.ts';

const AGAIN_MS = 1_000;

const hud = new Hud();
const input = new Input(hud.field);
const ticket = new Ticket(sessionStorage, 'arena');

async function configured(): Promise<unknown> {
  try {
    const response = await fetch('page-config.json');
    return response.ok ? await response.json() : null;
  } catch {
    // No such file: the page's own server is enough.
    return null;
  }
}

async function enter(servers: readonly string[]): Promise<ArenaWorld> {
  for (;;) {
    hud.banner('Connecting…', servers.join(' '));
    try {
      return await connect(servers, {
        world: 'arena',
        definition: arena,
        token: ticket.token,
        predict: ['move'],
        stream: 'frames',
      });
    } catch (error) {
      // A token of a world that is no more: come as somebody new.
      if (error instanceof Refused && error.code === 'unauthorized' && ticket.token !== null)
        ticket.keep(null);
      else if (error instanceof Refused && error.code === 'wrong-definition') {
        hud.banner('This page is older than the server', 'Reload it.');
        throw error;
      } else {
        hud.banner('No region answers', error instanceof Error ? error.message : '');
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}

const servers = serversFrom(location, await configured());
const world = await enter(servers);
ticket.keep(world.token);
if (matchMedia('(pointer: coarse)').matches) {
  hud.showTouch();
  input.useTouch(hud.stick, hud.hit);
}
input.onChat = () => hud.focusChat();
input.onFirst = () => hud.hideHelp();
const game = new Game(world, hud, input);
Object.assign(globalThis, { throughline: { world, game } });
