/** What the page remembers of each player beyond its row: where it was, how it walks, what it just did and said. */
import type { PlayerRow } from '../../schemas/generated/arena.ts';
import type { Figure } from './figures.ts';
import { DELAY_MS, type Place, Track, turn } from './motion.ts';

const SWING_MS = 230;
const HURT_MS = 260;
const BUBBLE_MS = 5_000;
/** The drawn place of oneself follows the true one this fast. */
const CATCH_UP_MS = 45;
const JUMP = 3;

interface Person {
  row: PlayerRow;
  readonly track: Track;
  /** As drawn last. */
  drawn: Place;
  gait: number;
  swungAt: number;
  hurtAt: number;
  bubble: string;
  bubbleAt: number;
}

export class People {
  readonly #people = new Map<string, Person>();

  /** A player's row as of world time `time`. */
  update(row: PlayerRow, time: number): void {
    const person = this.#people.get(row.id);
    if (!person) {
      const track = new Track();
      track.add(time, row);
      const never = Number.NEGATIVE_INFINITY;
      const marks = { swungAt: never, hurtAt: never, bubbleAt: never, bubble: '' };
      this.#people.set(row.id, { row, track, drawn: row, gait: 0, ...marks });
      return;
    }
    person.track.add(time, row);
    person.row = row;
  }

  remove(id: string): void {
    this.#people.delete(id);
  }

  swing(id: string, now: number): void {
    const person = this.#people.get(id);
    // One's own blow was shown when the key went down, and comes back in a command.
    if (person && now - person.swungAt > SWING_MS * 1.5) person.swungAt = now;
  }

  hurt(id: string, now: number): void {
    const person = this.#people.get(id);
    if (person) person.hurtAt = now;
  }

  say(id: string, text: string, now: number): void {
    const person = this.#people.get(id);
    if (!person) return;
    person.bubble = text;
    person.bubbleAt = now;
  }

  /** Where a player is drawn. */
  place(id: string): Place | undefined {
    return this.#people.get(id)?.drawn;
  }

  /**
   * Everybody as to be drawn now. `worldTime` is the world's clock; `own` is the place of the player of this page, as
   * predicted, null while it only watches.
   */
  figures(
    now: number,
    passed: number,
    worldTime: number,
    me: string,
    own: Place | null,
    crown: string,
  ): Figure[] {
    const figures: Figure[] = [];
    for (const [id, person] of this.#people) {
      const before = person.drawn;
      if (id === me && own) person.drawn = approach(before, own, passed);
      else person.drawn = person.track.at(worldTime - DELAY_MS);
      const moved = Math.hypot(person.drawn.x - before.x, person.drawn.y - before.y);
      if (moved > 0.002 && moved < JUMP) person.gait += moved * 7;
      else person.gait -= person.gait % Math.PI;
      figures.push(figureOf(id, person, now, worldTime, me, crown));
    }
    return figures;
  }
}

function approach(from: Place, to: Place, passed: number): Place {
  if (Math.hypot(to.x - from.x, to.y - from.y) > JUMP) return to;
  const part = 1 - Math.exp(-passed / CATCH_UP_MS);
  return {
    x: from.x + part * (to.x - from.x),
    y: from.y + part * (to.y - from.y),
    facing: from.facing + Math.min(1, part * 1.5) * turn(from.facing, to.facing),
  };
}

function figureOf(
  id: string,
  person: Person,
  now: number,
  worldTime: number,
  me: string,
  crown: string,
): Figure {
  const { row, drawn, gait, swungAt, hurtAt, bubble, bubbleAt } = person;
  const swing = (now - swungAt) / SWING_MS;
  return {
    x: drawn.x,
    y: drawn.y,
    facing: drawn.facing,
    name: row.name,
    skin: row.skin,
    bot: row.kind === 'bot',
    me: id === me,
    hp: row.hp,
    alive: row.alive,
    crowned: id === crown,
    spared: row.alive && row.safe > worldTime,
    gait,
    swing: swing < 1 ? swing : null,
    hurt: Math.max(0, 1 - (now - hurtAt) / HURT_MS),
    bubble: now - bubbleAt < BUBBLE_MS ? bubble : '',
  };
}
