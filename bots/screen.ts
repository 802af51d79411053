/** What is shown during a run: with a terminal a block that is drawn again each second, without one a line now and then. */
import { count, ms, percent } from './report/figures.ts';
import type { SecondFigures } from './report/types.ts';

export interface Output {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const PLAIN_EVERY = 5;
const BAR = 30;

export class RunScreen {
  readonly #out: Output;
  readonly #seconds: number;
  #block: readonly string[] = [];

  constructor(out: Output, seconds: number) {
    this.#out = out;
    this.#seconds = seconds;
  }

  /** A line that stays. */
  say(line: string): void {
    this.#clear();
    this.#out.write(`${line}\n`);
    this.#draw();
  }

  second(figures: SecondFigures, bots: number, busy: number): void {
    const { second, live, issued, p50, p95, p99, leader, number, failed } = figures;
    const done = Math.min(1, (second + 1) / this.#seconds);
    const words = [
      `${live}/${bots} bots`,
      `${count(issued)} acknowledged/s`,
      `p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${ms(p99)}`,
      ...(failed > 0 ? [`${count(failed)} failed/s`] : []),
      `leader ${leader ?? '?'}`,
      `number ${count(number)}`,
    ];
    if (this.#out.isTTY !== true) {
      if ((second + 1) % PLAIN_EVERY === 0)
        this.#out.write(`${String(second + 1).padStart(4)} s  ${words.join('  ')}\n`);
      return;
    }
    const filled = Math.round(BAR * done);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`;
    this.#clear();
    this.#block = [
      `  ${bar} ${second + 1} of ${this.#seconds} s`,
      `  ${words.slice(0, 2).join('   ')}   generator busy ${percent(busy)}`,
      `  ${words.slice(2).join('   ')}`,
    ];
    this.#draw();
  }

  close(): void {
    this.#clear();
    this.#block = [];
  }

  #clear(): void {
    if (this.#block.length > 0) this.#out.write(`\x1b[${this.#block.length}A\x1b[J`);
  }

  #draw(): void {
    // Some terminals say 0 where they do not know.
    const width = (this.#out.columns || 100) - 1;
    for (const line of this.#block) this.#out.write(`${line.slice(0, width)}\n`);
  }
}
