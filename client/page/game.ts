/** One visitor's game: takes what the world says and what the visitor does, and shows both. */

import { walk } from '../../game-logic/worlds/arena/field.ts';
import type { arena } from '../../game-logic/worlds/arena/index.ts';
import { COOLDOWN_MS, RESPAWN_MS } from '../../game-logic/worlds/arena/rules.ts';
import type { CoinRow, MatchRow, MessageRow, PlayerRow } from '../../schemas/generated/arena.ts';
import { Refused } from '../errors.ts';
import type { ClientWorld, Resync, Status } from '../world.ts';
import { bodyColour, GEM, GOLD, HEART } from './colours.ts';
import { Effects } from './effects.ts';
import type { Hud } from './hud.ts';
import type { Input } from './input.ts';
import { type Ballot, Leadership } from './leadership.ts';
import type { Place } from './motion.ts';
import { People } from './people.ts';
import { Scene, type Thing } from './scene.ts';
import { Walker } from './walker.ts';

export type ArenaWorld = ClientWorld<typeof arena.schema>;

const SCORES_EVERY_MS = 200;
/** The weight of the newest measurement in the shown delay. */
const DELAY_WEIGHT = 0.15;
const CENTRE: Place = { x: 14, y: 8, facing: 0 };

export class Game {
  readonly #world: ArenaWorld;
  readonly #hud: Hud;
  readonly #input: Input;
  readonly #scene: Scene;
  readonly #people = new People();
  readonly #effects = new Effects();
  readonly #walker = new Walker();
  readonly #leadership = new Leadership();
  readonly #appeared = new Map<number, number>();
  #delayMs: number | null = null;
  /** Where it was played last. */
  #region: string;
  #searching = false;
  #strikeAt = 0;
  #fellAt = 0;
  #scoresAt = 0;
  #frameAt = 0;

  constructor(world: ArenaWorld, hud: Hud, input: Input) {
    this.#world = world;
    this.#hud = hud;
    this.#input = input;
    this.#scene = new Scene(hud.field);
    this.#region = world.status.region ?? '';
    for (const row of world.tables.player.rows()) this.#people.update(row, world.time);
    for (const { name, from, text } of world.tables.message.rows()) hud.chat(name, this.#skin(from), text);
    world.tables.player.onChange((id, row, previous) => this.#player(id, row, previous));
    world.tables.coin.onChange((id, row, previous) => this.#coin(id, row, previous));
    world.tables.message.onChange((_, row, previous) => this.#message(row, previous));
    world.tables.match.onChange((_, row, previous) => this.#match(row, previous));
    world.onFrame(({ ballot, time }) => this.#ballot(ballot, time));
    world.onResync((resync) => this.#resync(resync));
    world.onStatus((status) => this.#status(status));
    hud.onSay = (text) => this.#say(text);
    hud.onOpponents = (by) => this.#setOpponents(by);
    this.#describe(world.tables.match.get(0));
    requestAnimationFrame((now) => this.#frame(now));
  }

  #frame(now: number): void {
    const passed = Math.min(100, now - this.#frameAt);
    this.#frameAt = now;
    const world = this.#world;
    const me = world.predicted.player.get(world.session);
    this.#walk(me, now);
    if (this.#input.striking) this.#strike(me, now);
    const crown = world.tables.match.get(0)?.crown ?? '';
    const own = me ? this.#ownPlace(me) : null;
    const figures = this.#people.figures(now, passed, world.now, world.session, own, crown);
    const eye = this.#people.place(world.session) ?? CENTRE;
    this.#scene.draw(figures, this.#loot(now), this.#effects, eye, now);
    this.#tell(me, now);
    requestAnimationFrame((next) => this.#frame(next));
  }

  #walk(me: PlayerRow | undefined, now: number): void {
    const still = { dx: 0, dy: 0 };
    this.#walker.aim(me?.alive && this.#world.status.phase === 'live' ? this.#input.direction : still);
    const step = this.#walker.advance(now);
    if (!step) return;
    this.#walker.unanswered++;
    const asked = performance.now();
    this.#world.act('move', step).then(
      () => {
        this.#walker.unanswered--;
        this.#measured(performance.now() - asked);
      },
      // A step that is refused, or lost in a change of leader, is simply not there any more.
      () => {
        this.#walker.unanswered--;
      },
    );
  }

  #strike(me: PlayerRow | undefined, now: number): void {
    if (!me?.alive || now < this.#strikeAt) return;
    this.#strikeAt = now + COOLDOWN_MS + 15;
    this.#people.swing(me.id, now);
    const asked = performance.now();
    this.#world.act('strike', {}).then(
      () => this.#measured(performance.now() - asked),
      (error: unknown) => {
        if (!(error instanceof Refused)) this.#hud.event('That blow got lost on its way', 'trouble');
      },
    );
  }

  #say(text: string): void {
    const name = /^\/name\s+(.+)$/.exec(text)?.[1];
    const act = name ? this.#world.act('rename', { name }) : this.#world.act('say', { text });
    act.catch((error: unknown) => {
      this.#hud.note(
        error instanceof Refused ? (REFUSALS[error.code] ?? error.message) : 'That line was not sent.',
      );
    });
  }

  #setOpponents(by: number): void {
    const count = (this.#world.tables.match.get(0)?.opponents ?? 0) + by;
    if (count < 0) return;
    this.#world.act('opponents', { count }).catch((error: unknown) => {
      if (error instanceof Refused)
        this.#hud.note(REFUSALS[error.code] ?? 'That is as many as there can be.');
    });
  }

  #measured(ms: number): void {
    this.#delayMs = this.#delayMs === null ? ms : this.#delayMs + DELAY_WEIGHT * (ms - this.#delayMs);
  }

  /** Predicted, plus the part of the next step that is walked already. */
  #ownPlace(me: PlayerRow): Place {
    if (!me.alive) return me;
    const { dx, dy } = this.#walker.ahead();
    const { direction } = this.#input;
    const turned =
      direction.dx !== 0 || direction.dy !== 0 ? Math.atan2(direction.dy, direction.dx) : me.facing;
    const swinging = this.#frameAt < this.#strikeAt;
    const to = dx === 0 && dy === 0 ? me : walk(me, dx, dy);
    return { x: to.x, y: to.y, facing: swinging ? me.facing : turned };
  }

  *#loot(now: number): Iterable<Thing> {
    // As predicted: what one's own step takes is gone at once.
    for (const { id, loot, x, y } of this.#world.predicted.coin.rows())
      yield { loot, x, y, age: now - (this.#appeared.get(id) ?? Number.NEGATIVE_INFINITY) };
  }

  #tell(me: PlayerRow | undefined, now: number): void {
    const { status, tables, number, session } = this.#world;
    const { ballot, changes, pauseMs } = this.#leadership;
    const region = status.phase === 'connecting' ? 'looking…' : (status.region ?? '…');
    const leader = ballot?.region ?? '…';
    this.#hud.strip({
      phase: status.phase,
      region,
      leader,
      number,
      delayMs: this.#delayMs,
      pauseMs,
      changes,
    });
    if (status.phase === 'connecting')
      this.#hud.banner('Looking for another region…', 'Your player stays where it is.');
    else if (me && !me.alive) {
      const left = Math.max(0, Math.ceil((RESPAWN_MS - (now - this.#fellAt)) / 1_000));
      this.#hud.banner(`${this.#name(me.slayer)} got you`, left > 0 ? `Back in ${left}` : 'Back any moment');
    } else if (this.#walker.held)
      this.#hud.banner('The world holds its breath…', 'Your steps wait for the next leader.');
    else this.#hud.banner('');
    if (now - this.#scoresAt < SCORES_EVERY_MS) return;
    this.#scoresAt = now;
    this.#hud.scores([...tables.player.rows()], session, tables.match.get(0)?.crown ?? '');
  }

  #player(id: string, row: PlayerRow | undefined, previous: PlayerRow | undefined): void {
    const now = performance.now();
    if (!row) {
      this.#people.remove(id);
      if (previous?.kind === 'human') this.#hud.event(`${previous.name} left`);
      return;
    }
    this.#people.update(row, this.#world.time);
    if (!previous) {
      if (row.kind === 'human' && id !== this.#world.session) this.#hud.event(`${row.name} joined`);
      return;
    }
    if (row.name !== previous.name && row.kind === 'human')
      this.#hud.note(`${previous.name} is now ${row.name}`);
    if (row.blows !== previous.blows) this.#people.swing(id, now);
    if (row.hp < previous.hp) this.#wounded(row, previous, now);
    if (row.hp > previous.hp && previous.alive)
      this.#effects.add(
        { kind: 'text', ...at(row), text: `+${row.hp - previous.hp}`, colour: '#7ee08a', size: 0.42 },
        now,
      );
    if (row.coins > previous.coins)
      this.#effects.add(
        { kind: 'text', ...at(row), text: `+${row.coins - previous.coins}`, colour: GOLD.face, size: 0.42 },
        now,
      );
    if (previous.alive && !row.alive) this.#fell(row, now);
    if (!previous.alive && row.alive)
      this.#effects.add({ kind: 'ring', ...at(row), colour: bodyColour(row.skin) }, now);
  }

  #wounded(row: PlayerRow, previous: PlayerRow, now: number): void {
    const damage = previous.hp - row.hp;
    const critical = damage >= 7;
    this.#people.hurt(row.id, now);
    const mine = row.id === this.#world.session;
    const colour = critical ? '#ffcf5c' : mine ? '#ff7b7b' : '#ffffff';
    this.#effects.add(
      {
        kind: 'text',
        ...at(previous),
        text: critical ? `${damage}!` : `${damage}`,
        colour,
        size: critical ? 0.72 : 0.5,
      },
      now,
    );
    const count = critical ? 12 : 7;
    this.#effects.add(
      { kind: 'burst', ...at(previous), colour: bodyColour(row.skin), count, reach: critical ? 1.1 : 0.8 },
      now,
    );
    if (mine) this.#scene.shake(now);
  }

  #fell(row: PlayerRow, now: number): void {
    const { session } = this.#world;
    if (row.id === session) this.#fellAt = now;
    this.#effects.add({ kind: 'burst', ...at(row), colour: '#ffffff', count: 16, reach: 1.5 }, now);
    this.#effects.add({ kind: 'ring', ...at(row), colour: bodyColour(row.skin) }, now);
    const slayer = this.#world.tables.player.get(row.slayer);
    const streak = slayer && slayer.streak > 2 ? `, ${slayer.streak} in a row` : '';
    const mine = row.id === session || row.slayer === session;
    this.#hud.event(`${this.#name(row.slayer)} ⚔ ${this.#name(row.id)}${streak}`, mine ? 'gold' : 'plain');
  }

  #coin(id: number, row: CoinRow | undefined, previous: CoinRow | undefined): void {
    const now = performance.now();
    if (row) {
      this.#appeared.set(id, now);
      return;
    }
    this.#appeared.delete(id);
    if (!previous) return;
    const colour = previous.loot === 'gem' ? GEM.face : previous.loot === 'heart' ? HEART.face : GOLD.face;
    this.#effects.add({ kind: 'burst', ...at(previous), colour, count: 6, reach: 0.6 }, now);
  }

  #message(row: MessageRow | undefined, previous: MessageRow | undefined): void {
    if (!row || previous) return;
    this.#hud.chat(row.name, this.#skin(row.from), row.text);
    this.#people.say(row.from, row.text, performance.now());
  }

  #match(row: MatchRow | undefined, previous: MatchRow | undefined): void {
    this.#describe(row);
    if (!row || row.crown === '' || row.crown === previous?.crown) return;
    this.#hud.event(`${this.#name(row.crown)} takes the crown`, 'gold');
  }

  #describe(row: MatchRow | undefined): void {
    this.#hud.record(row?.record ?? 0, row?.champion ?? '');
    this.#hud.opponents(row?.opponents ?? 0);
  }

  #ballot(ballot: Ballot, time: number): void {
    const before = this.#leadership.ballot?.region;
    if (!this.#leadership.command(ballot, time)) return;
    const { pauseMs } = this.#leadership;
    const pause = pauseMs === null ? 'Nothing lost.' : `A pause of ${Math.round(pauseMs)} ms, nothing lost.`;
    this.#hud.event(`Leader: ${before} → ${ballot.region}. ${pause}`, 'system');
  }

  #resync({ after, number, reason }: Resync): void {
    this.#leadership.skipped();
    this.#hud.event(`Caught up by a snapshot: ${after} → ${number} (${reason})`, 'system');
  }

  #status({ phase, region, reason }: Status): void {
    if (phase === 'live') {
      const moved = this.#region !== '' && region !== this.#region;
      this.#hud.event(moved ? `Going on at region ${region}` : `Playing at region ${region}`, 'system');
      this.#region = region ?? '';
    }
    // One line for each loss, however many addresses are tried after it.
    if (phase === 'connecting' && !this.#searching)
      this.#hud.event(`Region ${this.#region} is gone: ${reason}`, 'trouble');
    if (phase === 'closed') this.#hud.event(`The session is over: ${reason}`, 'trouble');
    this.#searching = phase === 'connecting';
  }

  #name(id: string): string {
    return id === this.#world.session ? 'You' : (this.#world.tables.player.get(id)?.name ?? 'Somebody');
  }

  #skin(id: string): number | null {
    return this.#world.tables.player.get(id)?.skin ?? null;
  }
}

function at({ x, y }: { readonly x: number; readonly y: number }): { x: number; y: number } {
  return { x, y };
}

const REFUSALS: { readonly [code: string]: string } = {
  'too-chatty': 'Slowly: one thing every second and a half.',
  'too-long': 'That line is too long.',
  'nothing-said': 'Nothing said.',
  'name-taken': 'Somebody has that name already.',
  'bad-name': 'A name has 1 to 16 characters.',
  'bad-arguments': 'That is as many as there can be.',
};
