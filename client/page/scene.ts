/** Draws one frame of the field. Knows sizes and the order of things, nothing of the world or the network. */
import { HEIGHT, WIDTH } from '../../game-logic/worlds/arena/rules.ts';
import type { Effects } from './effects.ts';
import { drawFigure, drawLabel, drawLoot, type Figure } from './figures.ts';
import { drawShadows, floorPicture, OBSTACLES, type Standing } from './ground.ts';
import type { Place } from './motion.ts';

export interface Thing {
  readonly loot: string;
  readonly x: number;
  readonly y: number;
  readonly age: number;
}

/** Below this many pixels a metre the view shows a part of the field and follows the player. */
const LEAST_SCALE = 27;
const MARGIN = 0.45;

export class Scene {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #floor: HTMLCanvasElement | null = null;
  #scale = 0;
  #width = 0;
  #height = 0;
  #shakeUntil = 0;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d')!;
    this.#resize();
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  shake(now: number): void {
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) this.#shakeUntil = now + 160;
  }

  draw(figures: readonly Figure[], loot: Iterable<Thing>, effects: Effects, eye: Place, now: number): void {
    const context = this.#context;
    const scale = this.#scale;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#10121b';
    context.fillRect(0, 0, this.#width, this.#height);
    const shake = Math.max(0, this.#shakeUntil - now) / 160;
    context.translate(
      offset(this.#width, WIDTH * scale, eye.x * scale, scale) + Math.sin(now / 11) * shake * 0.12 * scale,
      offset(this.#height, HEIGHT * scale, eye.y * scale, scale) + Math.cos(now / 9) * shake * 0.09 * scale,
    );
    if (this.#floor) context.drawImage(this.#floor, 0, 0);
    drawShadows(context, scale);
    const standing: Standing[] = [...OBSTACLES];
    for (const { loot: kind, x, y, age } of loot)
      standing.push({ foot: y + 0.1, draw: () => drawLoot(context, kind, x, y, age, scale, now) });
    for (const figure of figures)
      standing.push({ foot: figure.y + 0.4, draw: () => drawFigure(context, figure, scale, now) });
    standing.sort((a, b) => a.foot - b.foot);
    for (const one of standing) one.draw(context, scale);
    for (const figure of figures) drawLabel(context, figure, scale);
    effects.draw(context, now, scale);
  }

  #resize(): void {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const { clientWidth, clientHeight } = this.#canvas;
    this.#width = Math.max(1, Math.round(clientWidth * ratio));
    this.#height = Math.max(1, Math.round(clientHeight * ratio));
    this.#canvas.width = this.#width;
    this.#canvas.height = this.#height;
    const fit = Math.min(this.#width / (WIDTH + 2 * MARGIN), this.#height / (HEIGHT + 2 * MARGIN));
    this.#scale = Math.max(fit, LEAST_SCALE * ratio);
    this.#floor = floorPicture(this.#scale);
  }
}

/** Where the field begins on one axis: in the middle if it fits, otherwise so that the eye sees as much as there is. */
function offset(view: number, field: number, eye: number, scale: number): number {
  const margin = MARGIN * scale;
  if (field + 2 * margin <= view) return (view - field) / 2;
  return Math.min(margin, Math.max(view - field - margin, view / 2 - eye));
}
