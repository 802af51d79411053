/** What flies, flashes and fades over the field for a moment. Positions in metres, times in milliseconds of the page. */

export type Effect =
  | {
      readonly kind: 'text';
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly colour: string;
      readonly size: number;
    }
  | {
      readonly kind: 'burst';
      readonly x: number;
      readonly y: number;
      readonly colour: string;
      readonly count: number;
      readonly reach: number;
    }
  | { readonly kind: 'ring'; readonly x: number; readonly y: number; readonly colour: string };

interface Running {
  readonly effect: Effect;
  readonly start: number;
  readonly lasts: number;
  /** Turns each burst another way. */
  readonly turn: number;
}

const LASTS = { text: 900, burst: 450, ring: 500 } as const;
const AT_MOST = 160;

export class Effects {
  #running: Running[] = [];
  #made = 0;

  add(effect: Effect, now: number): void {
    if (this.#running.length >= AT_MOST) this.#running.shift();
    this.#running.push({ effect, start: now, lasts: LASTS[effect.kind], turn: (this.#made++ * 2.4) % 6.28 });
  }

  /** Draws what still runs; `scale` is pixels a metre. */
  draw(context: CanvasRenderingContext2D, now: number, scale: number): void {
    this.#running = this.#running.filter(({ start, lasts }) => now - start < lasts);
    for (const { effect, start, lasts, turn } of this.#running) {
      const part = Math.max(0, (now - start) / lasts);
      if (effect.kind === 'text') drawText(context, effect, part, scale);
      else if (effect.kind === 'burst') drawBurst(context, effect, part, scale, turn);
      else drawRing(context, effect, part, scale);
    }
  }
}

function drawText(
  context: CanvasRenderingContext2D,
  effect: Extract<Effect, { kind: 'text' }>,
  part: number,
  scale: number,
): void {
  const rise = 1 - (1 - part) ** 3;
  const grow = part < 0.15 ? 0.6 + (part / 0.15) * 0.5 : 1.1 - 0.1 * Math.min(1, (part - 0.15) / 0.1);
  context.globalAlpha = part > 0.65 ? (1 - part) / 0.35 : 1;
  context.font = `800 ${Math.round(effect.size * grow * scale)}px system-ui, "DejaVu Sans", sans-serif`;
  context.textAlign = 'center';
  context.lineJoin = 'round';
  context.lineWidth = scale * 0.11;
  context.strokeStyle = '#2a2233d0';
  const x = effect.x * scale;
  const y = (effect.y - 0.75 - rise * 0.9) * scale;
  context.strokeText(effect.text, x, y);
  context.fillStyle = effect.colour;
  context.fillText(effect.text, x, y);
  context.globalAlpha = 1;
}

function drawBurst(
  context: CanvasRenderingContext2D,
  effect: Extract<Effect, { kind: 'burst' }>,
  part: number,
  scale: number,
  turn: number,
): void {
  const out = 1 - (1 - part) ** 2;
  context.fillStyle = effect.colour;
  context.globalAlpha = 1 - part;
  for (let i = 0; i < effect.count; i++) {
    const angle = turn + (i / effect.count) * 6.2832;
    const far = effect.reach * out * (0.6 + 0.4 * ((i * 7) % 5) * 0.25);
    const size = scale * 0.09 * (1.2 - part);
    context.beginPath();
    context.arc(
      (effect.x + far * Math.cos(angle)) * scale,
      (effect.y + far * Math.sin(angle)) * scale,
      size,
      0,
      6.2832,
    );
    context.fill();
  }
  context.globalAlpha = 1;
}

function drawRing(
  context: CanvasRenderingContext2D,
  effect: Extract<Effect, { kind: 'ring' }>,
  part: number,
  scale: number,
): void {
  context.globalAlpha = (1 - part) * 0.8;
  context.strokeStyle = effect.colour;
  context.lineWidth = scale * 0.1 * (1 - part) + 1;
  context.beginPath();
  context.ellipse(
    effect.x * scale,
    effect.y * scale,
    scale * (0.3 + part),
    scale * (0.3 + part) * 0.8,
    0,
    0,
    6.2832,
  );
  context.stroke();
  context.globalAlpha = 1;
}
