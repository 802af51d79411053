/** Draws players and loot. */
import { HP, RADIUS } from '../../game-logic/worlds/arena/rules.ts';
import { bodyColour, GEM, GOLD, HEART, INK } from './colours.ts';

export interface Figure {
  readonly x: number;
  readonly y: number;
  readonly facing: number;
  readonly name: string;
  readonly skin: number;
  readonly bot: boolean;
  readonly me: boolean;
  readonly hp: number;
  readonly alive: boolean;
  readonly crowned: boolean;
  /** Nobody can hurt it now. */
  readonly spared: boolean;
  /** Steps walked so far, in radians of the gait; it only moves while walking. */
  readonly gait: number;
  /** 0 to 1 through a swing of the blade; null: no swing. */
  readonly swing: number | null;
  /** 1 right after a blow, fading to 0. */
  readonly hurt: number;
  /** What it says, or ''. */
  readonly bubble: string;
}

type Context = CanvasRenderingContext2D;
const FONT = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif';

export function drawFigure(context: Context, figure: Figure, scale: number, now: number): void {
  context.save();
  context.translate(figure.x * scale, figure.y * scale);
  context.scale(scale, scale);
  if (figure.alive) drawAlive(context, figure, now);
  else drawFallen(context, figure);
  context.restore();
}

function drawAlive(context: Context, figure: Figure, now: number): void {
  shadow(context, RADIUS * 1.02);
  if (figure.spared) sparedRing(context, now);
  const colour = bodyColour(figure.skin);
  const step = Math.sin(figure.gait);
  context.fillStyle = INK;
  for (const side of [-1, 1]) {
    context.beginPath();
    context.ellipse(side * 0.19, 0.3 - Math.max(0, step * side) * 0.1, 0.14, 0.1, 0, 0, 6.2832);
    context.fill();
  }
  const squash = 1 - 0.16 * figure.hurt;
  context.save();
  context.translate(0, -0.14 - Math.abs(step) * 0.05);
  // A blade behind the body when it faces up.
  const behind = Math.sin(figure.facing) < -0.2;
  if (behind) blade(context, figure);
  context.scale(2 - squash, squash);
  body(context, colour, figure);
  context.scale(1 / (2 - squash), 1 / squash);
  face(context, figure);
  if (!behind) blade(context, figure);
  context.restore();
}

function shadow(context: Context, r: number): void {
  context.fillStyle = '#4a3b1c40';
  context.beginPath();
  context.ellipse(0.06, 0.28, r, r * 0.55, 0, 0, 6.2832);
  context.fill();
}

function sparedRing(context: Context, now: number): void {
  context.strokeStyle = '#3fc1b0';
  context.globalAlpha = 0.55 + 0.3 * Math.sin(now / 90);
  context.lineWidth = 0.06;
  context.setLineDash([0.22, 0.14]);
  context.lineDashOffset = now / 500;
  context.beginPath();
  context.ellipse(0, 0.12, RADIUS * 1.45, RADIUS * 1.2, 0, 0, 6.2832);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function body(context: Context, colour: string, figure: Figure): void {
  context.beginPath();
  if (figure.bot) context.roundRect(-RADIUS * 0.94, -RADIUS, RADIUS * 1.88, RADIUS * 1.95, 0.17);
  else context.ellipse(0, 0, RADIUS, RADIUS * 0.98, 0, 0, 6.2832);
  context.fillStyle = colour;
  context.fill();
  context.save();
  context.clip();
  context.fillStyle = '#2a223326';
  context.beginPath();
  context.ellipse(0.1, 0.24, RADIUS * 1.05, RADIUS * 0.75, 0, 0, 6.2832);
  context.fill();
  context.fillStyle = colour;
  context.beginPath();
  context.ellipse(-0.04, -0.08, RADIUS * 0.98, RADIUS * 0.86, 0, 0, 6.2832);
  context.fill();
  context.fillStyle = '#ffffff38';
  context.beginPath();
  context.ellipse(-0.15, -0.25, 0.17, 0.09, -0.5, 0, 6.2832);
  context.fill();
  if (figure.hurt > 0) {
    context.globalAlpha = figure.hurt * 0.6;
    context.fillStyle = '#ffffff';
    context.fillRect(-1, -1, 2, 2);
    context.globalAlpha = 1;
  }
  context.restore();
  context.beginPath();
  if (figure.bot) context.roundRect(-RADIUS * 0.94, -RADIUS, RADIUS * 1.88, RADIUS * 1.95, 0.17);
  else context.ellipse(0, 0, RADIUS, RADIUS * 0.98, 0, 0, 6.2832);
  context.strokeStyle = figure.me ? '#ffffff' : INK;
  context.lineWidth = figure.me ? 0.11 : 0.065;
  context.stroke();
  if (!figure.me) return;
  context.strokeStyle = INK;
  context.lineWidth = 0.045;
  context.beginPath();
  context.ellipse(0, 0, RADIUS + 0.065, RADIUS * 0.98 + 0.065, 0, 0, 6.2832);
  context.stroke();
}

function face(context: Context, figure: Figure): void {
  const lookX = Math.cos(figure.facing);
  const lookY = Math.sin(figure.facing);
  const x = lookX * 0.15;
  const y = -0.06 + lookY * 0.12;
  if (figure.bot) {
    context.strokeStyle = INK;
    context.lineWidth = 0.05;
    context.beginPath();
    context.moveTo(0, -RADIUS);
    context.lineTo(0, -RADIUS - 0.17);
    context.stroke();
    context.fillStyle = figure.hurt > 0.1 ? '#ff5a5a' : GOLD.face;
    context.beginPath();
    context.arc(0, -RADIUS - 0.21, 0.07, 0, 6.2832);
    context.fill();
    context.stroke();
    context.fillStyle = INK;
    context.beginPath();
    context.roundRect(x - 0.27, y - 0.11, 0.54, 0.23, 0.1);
    context.fill();
    context.fillStyle = '#8df2e2';
    for (const side of [-1, 1])
      context.fillRect(x + side * 0.12 - 0.05 + lookX * 0.04, y - 0.045 + lookY * 0.03, 0.1, 0.1);
    return;
  }
  for (const side of [-1, 1]) {
    context.fillStyle = '#ffffff';
    context.beginPath();
    context.ellipse(x + side * 0.135, y, 0.105, 0.125, 0, 0, 6.2832);
    context.fill();
    context.fillStyle = INK;
    context.beginPath();
    context.arc(x + side * 0.135 + lookX * 0.045, y + lookY * 0.05, 0.06, 0, 6.2832);
    context.fill();
  }
}

/** Held to the side; a swing sweeps it across the front. */
function blade(context: Context, figure: Figure): void {
  const { swing } = figure;
  const sweep = swing === null ? 1.15 : 1.5 - 3 * (1 - (1 - swing) ** 3);
  const angle = figure.facing + sweep;
  if (swing !== null) {
    context.beginPath();
    context.moveTo(0, 0);
    context.arc(0, 0, RADIUS + 0.95, figure.facing + 1.5, angle, true);
    context.closePath();
    context.fillStyle = `rgba(255, 255, 255, ${0.45 * (1 - swing)})`;
    context.fill();
  }
  context.save();
  context.rotate(angle);
  context.translate(RADIUS * (swing === null ? 0.82 : 1), 0);
  context.fillStyle = '#f4f6fb';
  context.strokeStyle = INK;
  context.lineWidth = 0.045;
  context.beginPath();
  context.moveTo(0.1, -0.065);
  context.lineTo(0.66, -0.05);
  context.lineTo(0.8, 0);
  context.lineTo(0.66, 0.05);
  context.lineTo(0.1, 0.065);
  context.closePath();
  context.fill();
  context.stroke();
  context.fillStyle = '#9a6a3a';
  context.beginPath();
  context.roundRect(-0.12, -0.05, 0.2, 0.1, 0.04);
  context.fill();
  context.stroke();
  context.fillStyle = GOLD.face;
  context.beginPath();
  context.roundRect(0.05, -0.14, 0.08, 0.28, 0.04);
  context.fill();
  context.stroke();
  context.restore();
}

function drawFallen(context: Context, figure: Figure): void {
  shadow(context, RADIUS * 0.8);
  context.lineWidth = 0.06;
  context.strokeStyle = INK;
  context.fillStyle = '#c3c8d2';
  context.beginPath();
  context.moveTo(-0.3, 0.34);
  context.lineTo(-0.3, -0.2);
  context.arc(0, -0.2, 0.3, Math.PI, 0);
  context.lineTo(0.3, 0.34);
  context.closePath();
  context.fill();
  context.stroke();
  context.fillStyle = bodyColour(figure.skin);
  context.fillRect(-0.3, 0.08, 0.6, 0.09);
  context.lineWidth = 0.05;
  context.beginPath();
  context.moveTo(0, -0.34);
  context.lineTo(0, -0.02);
  context.moveTo(-0.12, -0.24);
  context.lineTo(0.12, -0.24);
  context.stroke();
}

/** Name, bar, crown and bubble: above everything else on the field, in pixels, so that text stays sharp. */
export function drawLabel(context: Context, figure: Figure, scale: number): void {
  const x = figure.x * scale;
  let y = (figure.y - 0.95) * scale;
  if (figure.alive && (figure.hp < HP || figure.me)) {
    bar(context, figure, x, y, scale);
    y -= 0.22 * scale;
  }
  const size = Math.max(11, Math.round(0.36 * scale));
  context.font = `${figure.me ? 700 : 600} ${size}px ${FONT}`;
  context.textAlign = 'center';
  context.lineJoin = 'round';
  context.lineWidth = 3;
  context.strokeStyle = '#fbf4e2e0';
  context.strokeText(figure.name, x, y);
  context.fillStyle = figure.alive ? INK : '#7b7382';
  context.fillText(figure.name, x, y);
  y -= size;
  if (figure.crowned) {
    crown(context, x, y, scale * 0.3);
    y -= 0.35 * scale;
  }
  if (figure.bubble !== '') bubble(context, figure.bubble, x, y - 4, scale);
}

function bar(context: Context, figure: Figure, x: number, y: number, scale: number): void {
  const width = 1.1 * scale;
  const height = Math.max(4, 0.13 * scale);
  const part = figure.hp / HP;
  context.fillStyle = '#2a2233d9';
  context.beginPath();
  context.roundRect(x - width / 2 - 1.5, y - 1.5, width + 3, height + 3, height);
  context.fill();
  if (part <= 0) return;
  context.fillStyle = part > 0.55 ? '#62c46a' : part > 0.28 ? '#f0b33c' : '#ea5455';
  context.beginPath();
  context.roundRect(x - width / 2, y, Math.max(height, width * part), height, height / 2);
  context.fill();
}

function crown(context: Context, x: number, y: number, size: number): void {
  context.beginPath();
  context.moveTo(x - size, y);
  context.lineTo(x - size * 1.15, y - size);
  context.lineTo(x - size * 0.5, y - size * 0.5);
  context.lineTo(x, y - size * 1.25);
  context.lineTo(x + size * 0.5, y - size * 0.5);
  context.lineTo(x + size * 1.15, y - size);
  context.lineTo(x + size, y);
  context.closePath();
  context.fillStyle = GOLD.face;
  context.strokeStyle = '#8a5b0c';
  context.lineWidth = 1.5;
  context.fill();
  context.stroke();
}

function bubble(context: Context, text: string, x: number, y: number, scale: number): void {
  const size = Math.max(11, Math.round(0.34 * scale));
  context.font = `500 ${size}px ${FONT}`;
  const shown = text.length > 34 ? `${text.slice(0, 33)}…` : text;
  const width = context.measureText(shown).width + size * 1.2;
  const height = size * 1.7;
  context.fillStyle = '#ffffff';
  context.strokeStyle = INK;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(x - width / 2, y - height, width, height, height / 2.4);
  context.moveTo(x - 5, y);
  context.lineTo(x, y + 6);
  context.lineTo(x + 5, y);
  context.fill();
  context.stroke();
  context.fillStyle = '#ffffff';
  context.fillRect(x - 4.5, y - 2, 9, 3);
  context.fillStyle = INK;
  context.fillText(shown, x, y - height * 0.32);
}

/** `age`: milliseconds since it appeared. */
export function drawLoot(
  context: Context,
  loot: string,
  x: number,
  y: number,
  age: number,
  scale: number,
  now: number,
): void {
  const pop = age < 260 ? 1 + 0.5 * Math.sin((age / 260) * Math.PI) : 1;
  const bob = Math.sin(now / 320 + x * 3) * 0.05;
  context.save();
  context.translate(x * scale, y * scale);
  context.scale(scale, scale);
  context.fillStyle = '#4a3b1c38';
  context.beginPath();
  context.ellipse(0.03, 0.2, 0.2, 0.09, 0, 0, 6.2832);
  context.fill();
  context.translate(0, -0.1 + bob);
  context.scale(pop, pop);
  context.lineWidth = 0.05;
  if (loot === 'gem') gem(context);
  else if (loot === 'heart') heart(context);
  else coin(context, Math.cos(now / 260 + x * 5));
  context.restore();
}

function coin(context: Context, turned: number): void {
  const width = Math.max(0.06, 0.24 * Math.abs(turned));
  context.fillStyle = GOLD.face;
  context.strokeStyle = GOLD.edge;
  context.beginPath();
  context.ellipse(0, 0, width, 0.24, 0, 0, 6.2832);
  context.fill();
  context.stroke();
  context.fillStyle = GOLD.light;
  context.beginPath();
  context.ellipse(-width * 0.2, -0.04, width * 0.4, 0.12, 0, 0, 6.2832);
  context.fill();
}

function gem(context: Context): void {
  context.fillStyle = GEM.face;
  context.strokeStyle = GEM.edge;
  context.beginPath();
  context.moveTo(-0.27, -0.08);
  context.lineTo(-0.14, -0.24);
  context.lineTo(0.14, -0.24);
  context.lineTo(0.27, -0.08);
  context.lineTo(0, 0.26);
  context.closePath();
  context.fill();
  context.stroke();
  context.fillStyle = GEM.light;
  context.beginPath();
  context.moveTo(-0.17, -0.09);
  context.lineTo(-0.09, -0.18);
  context.lineTo(0.02, -0.18);
  context.lineTo(-0.03, -0.09);
  context.closePath();
  context.fill();
}

function heart(context: Context): void {
  context.fillStyle = HEART.face;
  context.strokeStyle = HEART.edge;
  context.beginPath();
  context.moveTo(0, 0.24);
  context.bezierCurveTo(-0.42, -0.02, -0.28, -0.36, 0, -0.14);
  context.bezierCurveTo(0.28, -0.36, 0.42, -0.02, 0, 0.24);
  context.fill();
  context.stroke();
  context.fillStyle = HEART.light;
  context.beginPath();
  context.ellipse(-0.13, -0.11, 0.06, 0.045, -0.6, 0, 6.2832);
  context.fill();
}
