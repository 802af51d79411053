/** The pulse of a cluster: clients that act all the time at all of its servers, in a process of their own. */
import type { PulseAnswer, PulseOrder, PulseQuestion } from './lines/pulse-main.ts';
import { type Child, pause, sharedClock, startHelper } from './processes.ts';

export class Pulse {
  readonly #helper: Child;

  private constructor(helper: Child) {
    this.#helper = helper;
  }

  /** Resolves once every endpoint acknowledges. */
  static async start(order: PulseOrder): Promise<Pulse> {
    const pulse = new Pulse(startHelper('./lines/pulse-main.ts'));
    pulse.#helper.process.send(order);
    await pulse.steady(order.endpoints.map((_, index) => index));
    return pulse;
  }

  ask(question: PulseQuestion): Promise<PulseAnswer> {
    return new Promise((resolve, reject) => {
      const { process } = this.#helper;
      const ended = () => reject(new Error(`the clients ended: ${this.#helper.tail()}`));
      process.once('exit', ended);
      process.once('message', (answer) => {
        process.off('exit', ended);
        resolve(answer as PulseAnswer);
      });
      process.send(question);
    });
  }

  /** Waits until each of these was acknowledged something a moment ago. */
  async steady(at: readonly number[], ms = 30_000): Promise<void> {
    const end = performance.now() + ms;
    for (;;) {
      const now = sharedClock();
      const answers = [];
      for (const index of at) answers.push(await this.ask({ at: [index], from: now - 0.3, to: now }));
      if (answers.every(({ acknowledged }) => acknowledged > 0)) return;
      if (performance.now() > end) throw new Error('nothing is acknowledged any more');
      await pause(50);
    }
  }

  stop(): Promise<void> {
    return this.#helper.stop();
  }
}
