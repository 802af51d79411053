/** Keyboard and touch as a direction to walk and a wish to strike. */
import type { Direction } from './walker.ts';

const KEYS: { readonly [code: string]: readonly [number, number] } = {
  KeyW: [0, -1],
  ArrowUp: [0, -1],
  KeyS: [0, 1],
  ArrowDown: [0, 1],
  KeyA: [-1, 0],
  ArrowLeft: [-1, 0],
  KeyD: [1, 0],
  ArrowRight: [1, 0],
};
/** A stick pushed less than this does nothing. */
const DEAD_ZONE = 0.18;

export class Input {
  readonly #held = new Set<string>();
  #stick: Direction = { dx: 0, dy: 0 };
  #striking = false;
  /** Called when the visitor wants to chat. */
  onChat: () => void = () => {};
  /** Called at the first sign of a visitor. */
  onFirst: () => void = () => {};

  constructor(field: HTMLElement) {
    addEventListener('keydown', (event) => this.#key(event, true));
    addEventListener('keyup', (event) => this.#key(event, false));
    addEventListener('blur', () => this.#release());
    document.addEventListener('visibilitychange', () => this.#release());
    field.addEventListener('mousedown', (event) => {
      if (event.button !== 0) return;
      this.#striking = true;
      this.#first();
    });
    addEventListener('mouseup', () => {
      this.#striking = false;
    });
    field.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  /** Length 0 to 1. */
  get direction(): Direction {
    let { dx, dy } = this.#stick;
    for (const code of this.#held) {
      const [x, y] = KEYS[code]!;
      dx += x;
      dy += y;
    }
    const length = Math.hypot(dx, dy);
    return length > 1 ? { dx: dx / length, dy: dy / length } : { dx, dy };
  }

  get striking(): boolean {
    return this.#striking;
  }

  /** Shows stick and button, on devices that have touch and no mouse. */
  useTouch(stick: HTMLElement, button: HTMLElement): void {
    const knob = stick.firstElementChild as HTMLElement;
    let finger: number | null = null;
    const move = (event: PointerEvent) => {
      if (event.pointerId !== finger) return;
      const { left, top, width, height } = stick.getBoundingClientRect();
      const dx = ((event.clientX - left) / width - 0.5) * 2;
      const dy = ((event.clientY - top) / height - 0.5) * 2;
      const length = Math.hypot(dx, dy);
      const scale = length > 1 ? 1 / length : 1;
      this.#stick = length < DEAD_ZONE ? { dx: 0, dy: 0 } : { dx: dx * scale, dy: dy * scale };
      knob.style.transform = `translate(${dx * scale * 36}px, ${dy * scale * 36}px)`;
    };
    stick.addEventListener('pointerdown', (event) => {
      finger = event.pointerId;
      stick.setPointerCapture(finger);
      move(event);
      this.#first();
    });
    stick.addEventListener('pointermove', move);
    const end = (event: PointerEvent) => {
      if (event.pointerId !== finger) return;
      finger = null;
      this.#stick = { dx: 0, dy: 0 };
      knob.style.transform = '';
    };
    stick.addEventListener('pointerup', end);
    stick.addEventListener('pointercancel', end);
    button.addEventListener('pointerdown', () => {
      this.#striking = true;
      this.#first();
    });
    for (const over of ['pointerup', 'pointercancel', 'pointerleave'] as const)
      button.addEventListener(over, () => {
        this.#striking = false;
      });
  }

  #key(event: KeyboardEvent, down: boolean): void {
    if (isTyping(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.code]) {
      if (down) this.#held.add(event.code);
      else this.#held.delete(event.code);
    } else if (event.code === 'Space') this.#striking = down;
    else if (event.code === 'Enter' && down) this.onChat();
    else return;
    event.preventDefault();
    if (down) this.#first();
  }

  #first(): void {
    this.onFirst();
    this.onFirst = () => {};
  }

  /** A key that goes up elsewhere is never seen: nothing is held any more. */
  #release(): void {
    this.#held.clear();
    this.#striking = false;
  }
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement;
}
