/** Draws what never moves: floor, blocks and bushes. Obstacles are a bit higher than the floor and hide who stands behind. */
import { BLOCKS, type Block, PILLARS, type Pillar } from '../../game-logic/worlds/arena/field.ts';
import { HEIGHT, WIDTH } from '../../game-logic/worlds/arena/rules.ts';
import { FLOOR, FLOOR_EDGE, LEAF, STONE } from './colours.ts';

/** How far the top of a block is drawn above its foot, in metres. */
const RISE = 0.5;

/** The floor as a picture of its own, made anew when the scale changes. */
export function floorPicture(scale: number): HTMLCanvasElement {
  const picture = document.createElement('canvas');
  picture.width = Math.ceil(WIDTH * scale);
  picture.height = Math.ceil(HEIGHT * scale);
  const context = picture.getContext('2d')!;
  for (let x = 0; x < WIDTH; x++)
    for (let y = 0; y < HEIGHT; y++) {
      context.fillStyle = FLOOR[(x + y) % 2]!;
      context.fillRect(x * scale, y * scale, scale + 1, scale + 1);
    }
  context.strokeStyle = '#bfa97a40';
  context.lineWidth = scale * 0.06;
  context.beginPath();
  context.arc((WIDTH / 2) * scale, (HEIGHT / 2) * scale, 4.2 * scale, 0, 6.2832);
  context.stroke();
  for (const [x, y, r] of SPECKS) {
    context.fillStyle = '#b9a47633';
    context.beginPath();
    context.ellipse(x * scale, y * scale, r * scale, r * 0.7 * scale, x, 0, 6.2832);
    context.fill();
  }
  const shade = context.createLinearGradient(0, 0, 0, 0.5 * scale);
  shade.addColorStop(0, '#5c4a2450');
  shade.addColorStop(1, '#5c4a2400');
  context.fillStyle = shade;
  context.fillRect(0, 0, picture.width, 0.5 * scale);
  context.strokeStyle = FLOOR_EDGE;
  context.lineWidth = Math.max(2, 0.12 * scale);
  context.strokeRect(0, 0, picture.width, picture.height);
  return picture;
}

/** Scattered by hand of a small sequence: the same on every screen. */
const SPECKS = Array.from({ length: 70 }, (_, i) => {
  const at = (i * 0.618034) % 1;
  return [at * WIDTH, ((i * 0.754878) % 1) * HEIGHT, 0.05 + ((i * 0.37) % 1) * 0.14] as const;
});

/** Something that stands on the field; drawn from north to south. */
export interface Standing {
  /** Southern edge of its foot, in metres. */
  readonly foot: number;
  readonly draw: (context: CanvasRenderingContext2D, scale: number) => void;
}

export const OBSTACLES: readonly Standing[] = [
  ...BLOCKS.map((block) => ({
    foot: block.y + block.h,
    draw: (context: CanvasRenderingContext2D, scale: number) => drawBlock(context, block, scale),
  })),
  ...PILLARS.map((pillar) => ({
    foot: pillar.y + pillar.r * 0.6,
    draw: (context: CanvasRenderingContext2D, scale: number) => drawBush(context, pillar, scale),
  })),
];

/** Their shadows lie on the floor, below everybody. */
export function drawShadows(context: CanvasRenderingContext2D, scale: number): void {
  context.fillStyle = '#4a3b1c33';
  for (const { x, y, w, h } of BLOCKS) {
    context.beginPath();
    context.roundRect((x + 0.16) * scale, (y + 0.2) * scale, w * scale, h * scale, 0.2 * scale);
    context.fill();
  }
  for (const { x, y, r } of PILLARS) {
    context.beginPath();
    context.ellipse((x + 0.14) * scale, (y + 0.22) * scale, r * 1.04 * scale, r * scale, 0, 0, 6.2832);
    context.fill();
  }
}

function drawBlock(context: CanvasRenderingContext2D, { x, y, w, h }: Block, scale: number): void {
  const radius = 0.16 * scale;
  context.lineWidth = Math.max(1.5, 0.06 * scale);
  context.strokeStyle = STONE.line;
  context.fillStyle = STONE.front;
  context.beginPath();
  context.roundRect(x * scale, (y - RISE) * scale, w * scale, (h + RISE) * scale, radius);
  context.fill();
  context.stroke();
  context.fillStyle = STONE.top;
  context.beginPath();
  context.roundRect(x * scale, (y - RISE) * scale, w * scale, h * scale, radius);
  context.fill();
  context.stroke();
  // Joints of the masonry.
  context.strokeStyle = '#5d677c55';
  context.lineWidth = Math.max(1, 0.035 * scale);
  context.beginPath();
  if (h > w)
    for (let at = 0.9; at < h - 0.3; at += 0.9)
      line(context, x + 0.08, y - RISE + at, x + w - 0.08, y - RISE + at, scale);
  else
    for (let at = 0.75; at < w - 0.3; at += 0.75)
      line(context, x + at, y - RISE + 0.08, x + at, y - RISE + h - 0.08, scale);
  context.stroke();
}

function line(
  context: CanvasRenderingContext2D,
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  scale: number,
): void {
  context.moveTo(x1 * scale, y1 * scale);
  context.lineTo(x2 * scale, y2 * scale);
}

function drawBush(context: CanvasRenderingContext2D, { x, y, r }: Pillar, scale: number): void {
  const lift = Math.min(0.38, r * 0.4);
  leaves(context, x, y + 0.02, r, scale, LEAF.front, LEAF.line);
  leaves(context, x, y - lift, r * 0.94, scale, LEAF.top, LEAF.line);
  context.fillStyle = LEAF.light;
  const dots = Math.max(4, Math.round(r * 7));
  for (let i = 0; i < dots; i++) {
    const angle = i * 2.39996;
    const far = r * 0.72 * Math.sqrt((i + 0.5) / dots);
    context.beginPath();
    context.ellipse(
      (x - 0.05 * r + far * Math.cos(angle)) * scale,
      (y - lift - 0.06 * r + far * Math.sin(angle)) * scale,
      0.13 * scale,
      0.085 * scale,
      angle,
      0,
      6.2832,
    );
    context.fill();
  }
}

/** A round shape with a scalloped rim. */
function leaves(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  r: number,
  scale: number,
  fill: string,
  stroke: string,
): void {
  const lobes = Math.max(7, Math.round(r * 11));
  context.beginPath();
  for (let i = 0; i < lobes; i++) {
    const angle = (i / lobes) * 6.2832;
    const lobe = (Math.PI * r) / lobes;
    context.moveTo((x + r * 0.93 * Math.cos(angle) + lobe) * scale, (y + r * 0.93 * Math.sin(angle)) * scale);
    context.arc(
      (x + r * 0.93 * Math.cos(angle)) * scale,
      (y + r * 0.93 * Math.sin(angle)) * scale,
      lobe * scale,
      0,
      6.2832,
    );
  }
  context.lineWidth = Math.max(2, 0.1 * scale);
  context.strokeStyle = stroke;
  context.stroke();
  context.fillStyle = fill;
  context.fill();
  context.beginPath();
  context.arc(x * scale, y * scale, r * 0.95 * scale, 0, 6.2832);
  context.fill();
}
