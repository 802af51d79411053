import type { Session } from '../../../client/session.ts';
import type { Answer, CompleteSnapshot, SessionEvent, Settlement } from '../../../client/session-types.ts';
import type { Production } from '../production.ts';
import { require } from '../violation.ts';

/** An act as it leaves a client. */
export interface Sending {
  readonly address: number;
  readonly sequence: number;
}

/** A client's session by hand: every region welcomes it at once and knows nothing of it; what becomes of its acts the story says. */
export class Shopper {
  settlement: Settlement | null = null;
  now = 1000;
  private readonly production: Production;
  private readonly sent: (sending: Sending, answered: (answer: Answer) => void) => void;
  private readonly session: Session<CompleteSnapshot>;
  private connection = 0;
  private tickets = 0;

  constructor(
    production: Production,
    regions: number,
    resumedAt: number | null,
    sent: (sending: Sending, answered: (answer: Answer) => void) => void,
  ) {
    this.production = production;
    this.sent = sent;
    const { Session, DEFAULT_LIMITS: limits } = production;
    this.session = new Session({ addresses: regions, limits, resumedAt });
  }

  get address(): number {
    return this.session.address;
  }

  start(): void {
    this.step({ kind: 'start' });
  }

  ask(timeoutMs?: number): void {
    if (this.connection === 0 && this.tickets === 0) this.start();
    this.act(timeoutMs);
  }

  act(timeoutMs?: number): void {
    const act = { action: 'outbound', args: new Uint8Array(0) };
    const ticket = ++this.tickets;
    this.step(
      timeoutMs === undefined ? { kind: 'act', ticket, act } : { kind: 'act', ticket, act, timeoutMs },
    );
  }

  lose(): void {
    this.step({ kind: 'lost', connection: this.connection, reason: 'cut' });
    this.wait(this.session.wakeAt() - this.now);
  }

  /** Time passes; pings are answered. */
  wait(ms: number): void {
    const until = this.now + Math.max(0, ms);
    for (let at = this.session.wakeAt(); at <= until; at = this.session.wakeAt()) {
      this.now = Math.max(this.now + 1, at);
      this.step({ kind: 'tick' });
    }
    this.now = Math.max(this.now, until);
  }

  private step(event: SessionEvent<CompleteSnapshot>): void {
    for (const effect of this.session.step(event, { now: this.now, random: 0.5 })) {
      if (effect.kind === 'dial') this.greet(effect.connection);
      if (effect.kind === 'ping') this.step({ kind: 'heard', connection: effect.connection });
      if (effect.kind === 'settle') this.settlement = effect.settlement;
      if (effect.kind === 'send') {
        const { connection, sequence } = effect;
        this.sent({ address: this.session.address, sequence }, (answer) =>
          this.step({ kind: 'answer', connection, answer }),
        );
      }
    }
  }

  private greet(connection: number): void {
    this.connection = connection;
    const welcome = {
      ...{ protocol: this.production.PROTOCOL_VERSION, region: '', regions: [], world: '', schema: '' },
      ...{ session: 'taker', token: '', number: 0, sequence: 0 },
    };
    this.step({ kind: 'welcome', connection, welcome });
  }
}

/**
 * A page is loaded anew, twice, and each life asks for something before its first welcome and after it. What the lives before sent is
 * still on its way, so that the region that welcomes has seen none of it. No sequence may be used twice, nor below an earlier one.
 */
export function livesOfOnePage(production: Production): void {
  const used: number[] = [];
  for (const resumedAt of [null, 1_700_000_000_000, 1_700_000_000_900]) {
    const page = new Shopper(production, 1, resumedAt, ({ sequence }) => used.push(sequence));
    page.act();
    page.start();
    page.act();
  }
  const rises = used.every((sequence, index) => index === 0 || sequence > used[index - 1]!);
  require(used.length === 6 && rises, 'exactly-once', () => `the lives of one page used ${used}`);
}

/** A region takes acts and hears nothing of its peers. A client whose acts are given up soon must find another one all the same. */
export function deafRegion(production: Production): void {
  const client = new Shopper(production, 2, null, () => {});
  client.start();
  for (let second = 0; second < 60 && client.address === 0; second++) {
    client.act(900);
    client.wait(1000);
  }
  require(client.address === 1, 'G11', () => 'a client stays with a deaf region');
}
