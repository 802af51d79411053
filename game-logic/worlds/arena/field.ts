/** The ground: walls, blocks, pillars, and how a body moves among them. Pure geometry, the same on leader and client. */
import { HEIGHT, RADIUS, WIDTH } from './rules.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A block from (x, y) to (x + w, y + h). */
export interface Block extends Point {
  readonly w: number;
  readonly h: number;
}
export interface Pillar extends Point {
  readonly r: number;
}

// Between any two of them, and to the walls, a body of RADIUS fits through: pushing it out of one never pushes it into another.
export const BLOCKS: readonly Block[] = [
  { x: 5, y: 3, w: 1.2, h: 3.6 },
  { x: 5, y: 9.4, w: 1.2, h: 3.6 },
  { x: 21.8, y: 3, w: 1.2, h: 3.6 },
  { x: 21.8, y: 9.4, w: 1.2, h: 3.6 },
  { x: 10.4, y: 2.2, w: 3, h: 1 },
  { x: 14.6, y: 12.8, w: 3, h: 1 },
];
export const PILLARS: readonly Pillar[] = [
  { x: 14, y: 8, r: 1.5 },
  { x: 9.6, y: 8, r: 0.7 },
  { x: 18.4, y: 8, r: 0.7 },
  { x: 17.4, y: 4.2, r: 0.6 },
  { x: 10.6, y: 11.8, r: 0.6 },
  { x: 2.6, y: 8, r: 0.6 },
  { x: 25.4, y: 8, r: 0.6 },
];

/** Rows hold 32-bit floats: a point that was free must still be free after rounding. */
const ROUNDING = 1e-4;
/**
 * Bodies stand on a grid of 1/256 m, and look in as many directions for each radian: nobody sees it, and a place on a grid has two
 * bytes in a frame where any other has four.
 */
const GRID = 256;
/** Longest piece of a walk looked at as one: shorter than any obstacle is thick. */
const PIECE = 0.25;

export function distance(a: Point, b: Point): number {
  const dx = a.x - b.x;
  const dy = a.y - b.y;
  // Math.hypot may differ in the last bit between engines; the square root may not.
  return Math.sqrt(dx * dx + dy * dy);
}

/** No part of a body at this point is inside a wall, block or pillar. */
export function isFree(point: Point, radius = RADIUS): boolean {
  const room = radius - ROUNDING;
  if (!(point.x >= room && point.x <= WIDTH - room && point.y >= room && point.y <= HEIGHT - room))
    return false;
  if (PILLARS.some((pillar) => distance(point, pillar) < pillar.r + room)) return false;
  return !BLOCKS.some((block) => distance(point, nearestIn(block, point)) < room);
}

/** Where a body ends that walks by (dx, dy) from a free point: it slides along what is in its way. Always free. */
export function walk(from: Point, dx: number, dy: number): Point {
  const pieces = Math.ceil(Math.sqrt(dx * dx + dy * dy) / PIECE);
  let at = from;
  for (let i = 0; i < pieces; i++) {
    const next = pushOut({ x: at.x + dx / pieces, y: at.y + dy / pieces });
    // Cannot be while the obstacles keep their distance; whoever moves one finds bodies stuck, not inside of it.
    if (!isFree(next)) break;
    at = next;
  }
  return onGrid(at);
}

export function direction(dx: number, dy: number): number {
  return Math.round(Math.atan2(dy, dx) * GRID) / GRID;
}

/** The nearest free point of the grid around; beside one obstacle there is always one. */
function onGrid({ x, y }: Point): Point {
  let best: Point = { x, y };
  let least = Number.POSITIVE_INFINITY;
  for (const column of [Math.floor(x * GRID), Math.ceil(x * GRID)])
    for (const line of [Math.floor(y * GRID), Math.ceil(y * GRID)]) {
      const point = { x: column / GRID, y: line / GRID };
      const away = distance(point, { x, y });
      if (away >= least || !isFree(point)) continue;
      best = point;
      least = away;
    }
  return best;
}

/** A free point by dice; `random` is uniform in [0, 1). */
export function freePoint(random: () => number, radius = RADIUS): Point {
  for (let i = 0; i < 64; i++) {
    const point = {
      x: radius + random() * (WIDTH - 2 * radius),
      y: radius + random() * (HEIGHT - 2 * radius),
    };
    if (isFree(point, radius)) return radius === RADIUS ? onGrid(point) : point;
  }
  // The dice are against us: a corner is always free.
  return { x: radius, y: radius };
}

function pushOut(point: Point): Point {
  let { x, y } = point;
  for (const pillar of PILLARS) {
    const away = distance({ x, y }, pillar);
    const room = pillar.r + RADIUS;
    if (away >= room) continue;
    // In the very middle any direction is as good: take east.
    const scale = away > 0 ? room / away : 0;
    x = scale > 0 ? pillar.x + (x - pillar.x) * scale : pillar.x + room;
    y = pillar.y + (y - pillar.y) * scale;
  }
  for (const block of BLOCKS) {
    const near = nearestIn(block, { x, y });
    const away = distance({ x, y }, near);
    // Pieces are shorter than a body is wide: its middle never gets inside a block.
    if (away >= RADIUS || away === 0) continue;
    x = near.x + ((x - near.x) * RADIUS) / away;
    y = near.y + ((y - near.y) * RADIUS) / away;
  }
  return { x: clamp(x, RADIUS, WIDTH - RADIUS), y: clamp(y, RADIUS, HEIGHT - RADIUS) };
}

function nearestIn(block: Block, point: Point): Point {
  return { x: clamp(point.x, block.x, block.x + block.w), y: clamp(point.y, block.y, block.y + block.h) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
