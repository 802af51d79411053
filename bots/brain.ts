/**
 * What a computer opponent wants to do, from what anyone can see. Pure: it keeps no memory; its whims change with the clock.
 */
import { distance, isFree, type Point } from '../game-logic/worlds/arena/field.ts';
import { HP, REACH, SAFE_MS } from '../game-logic/worlds/arena/rules.ts';

/** The part of a player's row that the brain looks at. */
export interface Seen extends Point {
  readonly id: string;
  readonly hp: number;
  readonly alive: boolean;
  readonly safe: number;
}
export interface SeenLoot extends Point {
  readonly loot: string;
}

export interface Wish {
  /** Direction to walk, a unit vector or zero. */
  readonly dx: number;
  readonly dy: number;
  /** Whom to strike now; '' for nobody. */
  readonly target: string;
}

/** How far an opponent cares: foes beyond it are left alone. */
const INTEREST = 9;
/** How far ahead the way must be free. */
const LOOK_AHEAD = 0.9;
/** Turns tried when the straight way is blocked, in radians; which side first depends on the whim. */
const TURNS = [0, 0.5, 1, 1.5, 2.1, 2.7];
/** How long a whim lasts; the side on which to go round things changes less often, or nobody would get round. */
const WHIM_MS = 1_600;
const SIDE_MS = 6_000;

export function decide(self: Seen, others: Iterable<Seen>, loot: Iterable<SeenLoot>, now: number): Wish {
  const whim = whimOf(self.id, now, WHIM_MS);
  const side = whimOf(self.id, now, SIDE_MS) % 2 === 0 ? 1 : -1;
  const foe = nearest(self, others, (other) => other.id !== self.id && other.alive && other.safe <= now);
  const near = foe !== null && distance(self, foe) <= REACH * 0.92;
  const weak = self.hp < HP * 0.35;
  const goal = goalOf(self, foe, loot, weak, whim);
  // Strikes come with a pause now and then: a foe that never misses is no fun.
  const target = near && self.safe - now < SAFE_MS / 2 && whim % 5 !== 0 ? foe.id : '';
  if (near && !weak) return { ...circle(self, foe, side), target };
  return { ...steer(self, goal, side), target };
}

/** Where to: away from a foe when weak, to hearts and coins by and by, to a foe when close or when the whim says so. */
function goalOf(self: Seen, foe: Seen | null, loot: Iterable<SeenLoot>, weak: boolean, whim: number): Point {
  const treasure = nearest(self, loot, (thing) => !weak || thing.loot === 'heart');
  if (weak && foe && distance(self, foe) < 4 && !treasure)
    return { x: 2 * self.x - foe.x, y: 2 * self.y - foe.y };
  if (foe && !weak && distance(self, foe) < INTEREST) {
    const closer = !treasure || distance(self, foe) < distance(self, treasure) * 1.4;
    if (closer || whim % 3 === 0) return foe;
  }
  if (treasure) return treasure;
  const angle = (whim % 628) / 100;
  return { x: self.x + 5 * Math.cos(angle), y: self.y + 5 * Math.sin(angle) };
}

/** In reach: go round the foe rather than stand in it. */
function circle(self: Seen, foe: Seen, side: 1 | -1): { dx: number; dy: number } {
  const away = distance(self, foe) || 1;
  const close = away < REACH * 0.6 ? -0.8 : 0.2;
  const dx = (close * (foe.x - self.x) - side * (foe.y - self.y)) / away;
  const dy = (close * (foe.y - self.y) + side * (foe.x - self.x)) / away;
  return steer(self, { x: self.x + 3 * dx, y: self.y + 3 * dy }, side);
}

/** The first free direction, turning away from the goal step by step. */
function steer(self: Point, goal: Point, side: 1 | -1): { dx: number; dy: number } {
  if (distance(self, goal) < 0.3) return { dx: 0, dy: 0 };
  const straight = Math.atan2(goal.y - self.y, goal.x - self.x);
  // One side first, all of it: trying both by turns would end in standing before a wall, undecided.
  for (const turn of [...TURNS, ...TURNS.map((one) => -one)]) {
    const dx = Math.cos(straight + side * turn);
    const dy = Math.sin(straight + side * turn);
    if (isFree({ x: self.x + dx * LOOK_AHEAD, y: self.y + dy * LOOK_AHEAD })) return { dx, dy };
  }
  return { dx: 0, dy: 0 };
}

function nearest<T extends Point>(self: Point, all: Iterable<T>, wanted: (one: T) => boolean): T | null {
  let best: T | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const one of all) {
    if (!wanted(one)) continue;
    const away = distance(self, one);
    if (away < least) {
      least = away;
      best = one;
    }
  }
  return best;
}

/** A number that changes every while, different for each opponent. */
function whimOf(id: string, now: number, lasts: number): number {
  let hash = 2_166_136_261;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 16_777_619);
  // Each changes its mind at another moment.
  const turn = Math.floor((now + (hash & 1023)) / lasts);
  hash = Math.imul(hash ^ (turn & 0x7fffffff), 2_654_435_761);
  hash ^= hash >>> 15;
  return (Math.imul(hash, 2_246_822_519) >>> 3) & 0xffff;
}
