import type { Device } from '../../../server/consensus/types.ts';
import type { Choices } from '../choices.ts';
import type { Production } from '../production.ts';
import { AMOUNT, Clients } from './clients.ts';
import type { Cluster } from './cluster.ts';
import { CoreMachine } from './core-machine.ts';
import type { MakeMachine } from './ground.ts';
import type { Outcome } from './ledger.ts';
import type { Load } from './wild-run.ts';

/** Clients of the ledger for a wild run: again for what they lack, or something new. */
export class CoreLoad implements Load<CoreMachine> {
  private readonly choices: Choices;
  private readonly clients: Clients;
  private readonly count: number;
  private tokens = 0;

  constructor(choices: Choices, count: number) {
    this.choices = choices;
    this.clients = new Clients(count);
    this.count = count;
  }

  get waiting(): number {
    return this.clients.allAnswered ? 0 : 1;
  }

  machine(production: Production, now: () => number): MakeMachine<CoreMachine> {
    const door = {
      answered: (client: number, outcome: Outcome) => {
        this.clients.answered(client, outcome, now());
      },
      draw: () => this.choices.between(1, AMOUNT),
    };
    return (start) => new CoreMachine(production, start, door);
  }

  ask(cluster: Cluster<CoreMachine>, device: Device, now: number): void {
    const client = this.choices.below(this.count);
    const wish = this.clients.waitingFor(client) ?? this.clients.begin(client, this.choices.below(3), now);
    cluster.run(device, (machine) => machine.wish(wish));
  }

  askAgain(cluster: Cluster<CoreMachine>, device: () => Device): void {
    for (let client = 0; client < this.count; client++) {
      const wish = this.clients.waitingFor(client);
      if (wish !== null) cluster.run(device(), (machine) => machine.wish(wish));
    }
  }

  askAnew(now: number): void {
    this.clients.begin(0, 0, now);
  }

  confirm(cluster: Cluster<CoreMachine>): void {
    for (const { index } of cluster.devices) {
      const token = ++this.tokens;
      cluster.run(index, (machine) => machine.confirm(token));
    }
  }

  check(cluster: Cluster<CoreMachine>): void {
    this.clients.check(cluster.checker.truth);
  }
}
