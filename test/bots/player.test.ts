/** One bot against a server that the test plays: what it holds its stream to, and how its acts find their fates. */
import { describe, expect, it, vi } from 'vitest';
import { Books } from '../../bots/books.ts';
import { Lookout } from '../../bots/foresight.ts';
import { Meters } from '../../bots/meters.ts';
import { Player } from '../../bots/player.ts';
import type { Intent } from '../../bots/script-types.ts';
import { trader } from '../../bots/scripts/trader.ts';
import { Sequence } from '../../bots/sequence.ts';
import { Sights } from '../../bots/sights.ts';
import { type ConnectionEvents, type Dial, DOWN, UP } from '../../client/connection.ts';
import { encodeRows } from '../../game-logic/snapshot.ts';
import { warehouse } from '../../game-logic/worlds/warehouse/index.ts';
import {
  type Answer,
  decodeAct,
  decodeActs,
  encodeAnswer,
  encodeCommands,
  encodeSnapshot,
  encodeWelcome,
} from '../../schemas/generated/client.ts';
import { joinBatch } from '../../schemas/support/envelope.ts';

interface Line extends ConnectionEvents {
  readonly dial: Dial;
  /** Sequences sent over it, in order. */
  readonly sent: number[];
  hungUp: boolean;
}

const INTENT: Intent = { action: 'inbound', args: { to: 'A', amount: 1 } };

class Stage {
  now = 1_000;
  readonly lines: Line[] = [];
  readonly meters = new Meters(100_000);
  readonly books = new Books();
  readonly seen: number[] = [];
  readonly world = warehouse.testWorld();
  readonly player: Player;
  readonly regions = ['eu', 'us'];

  constructor(watches = true) {
    const sequence = new Sequence(warehouse, {
      command: () => {},
      wrong: (number, what) => this.meters.wrong(number, what),
    });
    const around = {
      ...{ urls: ['ws://eu', 'ws://us'], world: 'warehouse', schema: warehouse.schema, sequence },
      ...{ meters: this.meters, books: this.books, sights: new Sights(() => {}) },
      lookout: new Lookout(
        () => sequence.mirror,
        () => this.now,
      ),
      dial: (dial: Dial, events: ConnectionEvents) => this.#dialled(dial, events),
      now: () => this.now,
      meant: () => {},
      arrived: () => {},
      saw: (number: number) => this.seen.push(number),
    };
    this.player = new Player(
      around,
      trader,
      { home: 0, watches, foresees: false },
      () => 0.5,
      () => INTENT,
    );
    this.player.come();
  }

  get line(): Line {
    return this.lines.at(-1) as Line;
  }

  get counts() {
    return this.meters.whole().counts;
  }

  /** The first server welcomes it and shows it the world as it is. */
  welcome(sequence = 0): void {
    const { number, born, time, digest: tables, systemDigest: system } = this.world.state;
    const region = this.line.dial.url.slice(5);
    const welcome = {
      protocol: 1,
      region,
      regions: this.regions,
      world: 'warehouse',
      schema: '',
      session: 'ann',
    };
    this.line.message(DOWN.welcome, encodeWelcome({ ...welcome, token: 'T', number, sequence }));
    if (this.line.dial.from !== null || this.line.dial.stream === 'answers') return;
    const [rows] = encodeRows(this.world.state) as [Uint8Array];
    this.line.message(
      DOWN.snapshot,
      encodeSnapshot({ number, born, time, tables, system, part: 0, parts: 1, rows }),
    );
  }

  /** The line breaks, and the bot dials again after its first pause. */
  lose(): void {
    this.line.lost('closed with 1006');
    this.now += 100;
    this.player.sweep(this.now);
  }

  /** The commands first..last of the world. */
  commands(first: number, last: number): void {
    const batch = joinBatch(this.world.commands.slice(first - 1, last).map((one) => one.slice()));
    this.line.message(DOWN.commands, encodeCommands({ first, last, batch }));
  }

  answer(answer: Partial<Answer> & { sequence: number }): void {
    const whole = {
      outcome: 'issued',
      number: 0,
      duplicate: false,
      result: '',
      code: '',
      detail: '',
      ...answer,
    };
    this.line.message(DOWN.answer, encodeAnswer(whole as Answer));
  }

  /** Somebody else acts. */
  goOn(acts: number): void {
    for (let at = 0; at < acts; at++) this.world.act('bob', 'inbound', { to: 'B', amount: 1 });
  }

  fates(): number[] {
    return [...this.books.data().fate];
  }

  #dialled(dial: Dial, events: ConnectionEvents) {
    const line: Line = { ...events, dial, sent: [], hungUp: false };
    this.lines.push(line);
    return {
      send(type: number, bytes: Uint8Array) {
        const acts = type === UP.act ? [decodeAct(bytes)] : decodeActs(bytes).acts;
        line.sent.push(...acts.map(({ sequence }) => sequence));
      },
      ping() {},
      async hangUp() {
        line.hungUp = true;
      },
    };
  }
}

function playing(): Stage {
  const stage = new Stage();
  stage.welcome();
  return stage;
}

describe('a bot', () => {
  it('follows the stream, and reports a hole by its number', () => {
    const stage = playing();
    stage.goOn(6);
    stage.commands(1, 2);
    stage.commands(3, 3);
    expect([stage.counts.wrong, stage.counts.commands, stage.seen.at(-1)]).toEqual([0, 3, 3]);
    stage.commands(5, 6);
    expect(stage.meters.wrongs[0]).toEqual({ number: 4, what: expect.stringContaining('a hole') });
    expect(stage.line.hungUp).toBe(true);
  });

  it('goes on from the next command over another line, without taking a repetition for news', async () => {
    const stage = playing();
    stage.goOn(5);
    stage.commands(1, 3);
    stage.lose();
    expect(stage.line.dial).toMatchObject({ url: 'ws://us', from: 4, token: 'T' });
    stage.welcome();
    stage.commands(2, 5);
    expect(stage.counts).toMatchObject({ wrong: 0, commands: 5, repeats: 2 });
    expect([...stage.meters.reconnects]).toEqual([['lost', 1]]);
  });

  it('charges an act from when it was meant, and keeps its sequence until its fate is known', () => {
    const stage = playing();
    stage.player.turn(400);
    expect(stage.line.sent).toEqual([1]);
    stage.lose();
    stage.welcome();
    expect(stage.line.sent).toEqual([1]);
    // An earlier copy may be on its way: not a no.
    stage.answer({ sequence: 1, outcome: 'failed', code: 'overloaded' });
    stage.answer({ sequence: 1, outcome: 'unknown', code: 'no-quorum' });
    expect(stage.fates()).toEqual([0]);
    stage.now += 1_000;
    stage.player.sweep(stage.now);
    expect(stage.line.sent).toEqual([1, 1]);
    stage.answer({ sequence: 1, number: 9, duplicate: true });
    expect(stage.fates()).toEqual([1]);
    expect(stage.meters.whole().trends.issued).toMatchObject({ min: 1_700_000, max: 1_700_000 });
    expect(stage.counts).toMatchObject({ acts: 1, issued: 1, duplicates: 1, unsettled: 0 });
    // An answer said twice settles nothing twice.
    stage.answer({ sequence: 1, number: 9 });
    expect(stage.counts.issued).toBe(1);
    expect(stage.seen).toContain(9);
  });

  it('takes a no for a no, and what is too old to tell for unsettled', () => {
    const stage = playing();
    for (let at = 0; at < 4; at++) stage.player.turn(stage.now);
    stage.answer({ sequence: 1, outcome: 'refused', code: 'insufficient-goods' });
    stage.answer({ sequence: 2, outcome: 'failed', code: 'overloaded' });
    stage.answer({ sequence: 3, outcome: 'failed', code: 'settled' });
    stage.answer({ sequence: 4, outcome: 'failed', code: 'no-quorum' });
    expect(stage.fates()).toEqual([2, 2, 0, 0]);
    expect(stage.counts).toMatchObject({ refused: 1, failed: 1, unsettled: 1, retries: 1 });
    stage.now += 21_000;
    stage.player.sweep(stage.now);
    expect(stage.counts.unsettled).toBe(2);
    expect(stage.player.unsettled).toBe(0);
  });

  it('takes no game’s no for one where an earlier copy may be under way: done later, it would look like a lie', () => {
    const stage = playing();
    for (let at = 0; at < 3; at++) stage.player.turn(stage.now);
    stage.lose();
    stage.welcome();
    stage.answer({ sequence: 1, outcome: 'refused', code: 'insufficient-goods' });
    // Nobody can execute this one any more, whoever holds a copy.
    stage.answer({ sequence: 2, outcome: 'failed', code: 'out-of-order' });
    // The same words of a game say nothing of it.
    stage.answer({ sequence: 3, outcome: 'refused', code: 'out-of-order' });
    expect(stage.fates()).toEqual([0, 2, 0]);
    expect(stage.counts).toMatchObject({ unsettled: 2, failed: 1, refused: 0 });
    expect(stage.player.unsettled).toBe(0);
  });

  it('is nobody by whom an act is seen, if it takes answers only', () => {
    const live = vi.spyOn(Sights.prototype, 'live');
    const stage = new Stage(false);
    stage.welcome();
    stage.player.turn(stage.now);
    expect(stage.line.sent).toEqual([1]);
    stage.lose();
    expect(live).not.toHaveBeenCalled();
    playing().lose();
    expect(live.mock.calls).toEqual([
      ['eu', 1],
      ['eu', -1],
    ]);
    live.mockRestore();
  });

  it('has few acts on the wire, a bound on those that wait, and drops the rest aloud', () => {
    const stage = playing();
    for (let at = 0; at < 600; at++) stage.player.turn(stage.now);
    expect(stage.line.sent.length).toBe(60);
    expect(stage.counts).toMatchObject({ acts: 512, dropped: 88 });
    stage.answer({ sequence: 1, number: 1 });
    stage.player.sweep(stage.now);
    expect(stage.line.sent).toHaveLength(61);
    expect(stage.line.sent).toEqual(stage.line.sent.toSorted((a, b) => a - b));
  });

  it('leaves a server that is silent or does not answer, but not after a nap of its own', () => {
    const stage = playing();
    stage.player.turn(stage.now);
    stage.now += 6_500;
    stage.player.sweep(stage.now, true);
    expect(stage.lines).toHaveLength(1);
    stage.player.sweep(stage.now);
    expect(stage.line.hungUp || stage.lines.length > 1).toBe(true);
    expect([...stage.meters.reconnects.keys()]).toEqual(['silent']);
  });

  it('speaks for the region where it was when a fault came, until the next one', () => {
    const stage = playing();
    expect(stage.player.regroup()).toBe('eu');
    stage.player.turn(stage.now);
    stage.lose();
    stage.welcome();
    stage.answer({ sequence: 1, number: 9 });
    expect(stage.meters.whole().answered.map(([region]) => region)).toEqual(['eu']);
    expect(stage.player.regroup()).toBe('us');
    stage.player.turn(stage.now);
    stage.answer({ sequence: 2, number: 10 });
    expect(stage.meters.whole().answered.map(([region]) => region)).toEqual(['eu', 'us']);
  });

  it('that retires has no more turns, and goes once its acts are settled', () => {
    const stage = playing();
    stage.player.turn(stage.now);
    stage.player.retire();
    stage.player.turn(stage.now);
    stage.player.sweep(stage.now);
    expect([stage.line.sent, stage.line.hungUp]).toEqual([[1], false]);
    stage.answer({ sequence: 1, number: 9 });
    stage.player.sweep(stage.now);
    expect([stage.line.hungUp, stage.fates()]).toEqual([true, [1]]);
  });

  it('that takes only answers acts as soon as it is welcome', () => {
    const stage = new Stage(false);
    expect(stage.line.dial.stream).toBe('answers');
    stage.welcome(7);
    stage.player.turn(stage.now);
    expect(stage.line.sent).toEqual([8]);
    stage.answer({ sequence: 8, number: 3 });
    expect([stage.fates(), stage.seen]).toEqual([[1], [3]]);
  });

  it('calls nonsense by its name, and another name than its own, too', () => {
    const garbage = playing();
    garbage.line.message(DOWN.answer, new Uint8Array([1, 2, 3]));
    expect(garbage.meters.wrongs[0]?.what).toContain('makes no sense');
    const other = playing();
    other.line.message(
      DOWN.welcome,
      encodeWelcome({
        ...{
          protocol: 1,
          region: 'eu',
          regions: ['eu', 'us'],
          world: 'warehouse',
          schema: '',
          session: 'eve',
        },
        ...{ token: '', number: 0, sequence: 0 },
      }),
    );
    expect(other.meters.wrongs[0]?.what).toContain('eve');
  });
});
