/** Sockets that receive, in processes of their own. */
import type { Received, ReceiveOrder } from './lines/receive-main.ts';
import { type Child, startHelper } from './processes.ts';

/** One process each: half a core of system calls at sixty frames a second. */
const SOCKETS_EACH = 500;

export class Receivers {
  readonly #helpers: readonly Child[];

  private constructor(helpers: readonly Child[]) {
    this.#helpers = helpers;
  }

  /** Resolves when all sockets are open. */
  static async open(order: ReceiveOrder): Promise<Receivers> {
    const helpers: Child[] = [];
    const receivers = new Receivers(helpers);
    try {
      for (let left = order.sockets; left > 0; left -= SOCKETS_EACH) {
        const helper = startHelper('./lines/receive-main.ts');
        helpers.push(helper);
        await told(helper, { ...order, sockets: Math.min(left, SOCKETS_EACH) });
      }
      return receivers;
    } catch (error) {
      await receivers.close();
      throw error;
    }
  }

  /** Everything since they were opened. */
  async received(): Promise<Received> {
    const all = (await Promise.all(this.#helpers.map((helper) => told(helper, {})))) as Received[];
    const sum = (pick: (one: Received) => number) => all.reduce((total, one) => total + pick(one), 0);
    return {
      frames: sum(({ frames }) => frames),
      bytes: sum(({ bytes }) => bytes),
      closed: sum(({ closed }) => closed),
      cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#helpers.map((helper) => helper.stop()));
  }
}

/** Sends a message to a helper and waits for its next one. */
export function told(helper: Child, message: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`a helper ended with ${code}: ${helper.tail()}`));
    helper.process.once('exit', ended);
    helper.process.once('message', (answer) => {
      helper.process.off('exit', ended);
      resolve(answer);
    });
    helper.process.send(message);
  });
}
