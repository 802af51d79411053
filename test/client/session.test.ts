import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RESUME_GAP } from '../../client/limits.ts';
import { SessionDriver } from './session-driver.ts';

function live(regions = 3, limits = {}, resumedAt: number | null = null): SessionDriver {
  const driver = new SessionDriver(regions, limits, resumedAt);
  driver.start();
  driver.heal();
  expect(driver.session.phase).toBe('live');
  return driver;
}

/** Lets time pass at a server that answers, and executes nothing. */
function sulk(driver: SessionDriver, ms: number): void {
  for (let i = 0; i < ms; i += 50) {
    driver.servers.read(false);
    while (driver.deliver());
    driver.wait(50);
  }
}

describe('the session machine, one story each', () => {
  it('[SDK1] resumes at another address from the command after the last one applied', () => {
    const driver = live();
    driver.servers.tick();
    driver.servers.tick();
    driver.heal();
    driver.rest(6_000);
    driver.cut();
    const cutAt = driver.now;
    driver.wait(100);
    expect(driver.dials.at(-1)).toMatchObject({ address: 1, from: 3, at: cutAt + 20 });
    driver.servers.tick();
    driver.heal();
    expect(driver.runs.flat()).toEqual([1, 2, 3]);
    expect(driver.resyncs).toEqual([]);
  });

  it('[SDK2] sends an unanswered act again with its sequence, and takes the first answer', () => {
    const driver = live();
    const ticket = driver.act();
    driver.servers.read(false);
    driver.cut();
    driver.heal();
    expect(driver.settled.get(ticket)).toEqual({ kind: 'issued', number: 1, result: '"act-1"' });
    expect(driver.servers.log.filter((entry) => entry.sequence > 0)).toHaveLength(1);
  });

  it('[ANS3] a no is not definite while a region that was left may hold a copy of the act', () => {
    const driver = live();
    const ticket = driver.act();
    driver.cut();
    while (driver.servers.connection === null || driver.servers.connection.up.length === 0) {
      driver.wait(50);
      driver.deliver();
    }
    driver.servers.read(true);
    while (driver.deliver());
    expect(driver.settled.get(ticket)).toMatchObject({ kind: 'unknown', code: 'not-now' });
    const next = driver.act();
    driver.servers.read(true);
    while (driver.deliver());
    expect(driver.settled.get(next)).toMatchObject({ kind: 'refused', code: 'not-now' });
  });

  it('takes its own command in the stream for the answer', () => {
    const driver = live();
    const ticket = driver.act();
    driver.servers.read(false);
    expect(driver.servers.connection!.down).toEqual([]);
    driver.servers.apply(0);
    driver.deliver();
    expect(driver.settled.get(ticket)).toMatchObject({ kind: 'issued', number: 1 });
  });

  it('holds an answer back until its command is applied here', () => {
    const driver = live();
    driver.servers.tick();
    const ticket = driver.act();
    driver.servers.read(false);
    driver.deliver();
    expect(driver.settled.has(ticket)).toBe(false);
    driver.heal();
    expect(driver.settled.get(ticket)).toMatchObject({ kind: 'issued', number: 2 });
  });

  it.each([
    ['overloaded', 'unavailable'],
    ['rate-limited', 'unavailable'],
    ['bad-arguments', 'refused'],
    ['out-of-order', 'refused'],
    ['settled', 'unknown'],
  ])('settles a failed act with code %s as %s', (code, kind) => {
    const driver = live();
    driver.servers.sulk = code;
    const ticket = driver.act();
    driver.servers.read(false);
    driver.deliver();
    expect(driver.settled.get(ticket)).toMatchObject({ kind, code });
  });

  it.each(['no-quorum', 'draining', 'unknown'])('tries an act again after %s', (code) => {
    const driver = live();
    driver.servers.sulk = code;
    const ticket = driver.act();
    driver.servers.read(false);
    driver.deliver();
    expect(driver.settled.has(ticket)).toBe(false);
    driver.heal();
    expect(driver.settled.get(ticket)).toMatchObject({ kind: 'issued' });
  });

  it('believes no back-pressure that meets a second copy: the first may have had its effect', () => {
    const driver = live();
    const ticket = driver.act();
    driver.cut();
    while (driver.deliver());
    driver.servers.sulk = 'overloaded';
    driver.servers.read(false);
    driver.deliver();
    expect(driver.settled.has(ticket)).toBe(false);
    driver.heal();
    expect(driver.settled.get(ticket)).toMatchObject({ kind: 'issued' });
  });

  it('keeps the order: what comes later waits behind an act that is to be sent again', () => {
    const driver = live();
    driver.servers.sulk = 'no-quorum';
    driver.act();
    driver.servers.read(false);
    driver.deliver();
    driver.act();
    expect(driver.servers.connection!.up).toEqual([]);
    driver.wait(300);
    expect(driver.servers.connection!.up.map(({ action }) => action)).toEqual(['act-1', 'act-2']);
  });

  it('drops what it has seen already, without a word', () => {
    const driver = live();
    for (let i = 0; i < 5; i++) driver.servers.tick();
    driver.heal();
    const dials = driver.dials.length;
    driver.servers.again(4);
    driver.servers.tick();
    driver.heal();
    expect(driver.runs.flat()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(driver.dials).toHaveLength(dials);
  });

  it('leaves a server that skips a command', () => {
    const driver = live();
    const dials = driver.dials.length;
    const connection = driver.servers.connection!.id;
    driver.feed({ kind: 'command', connection, number: 7, bytes: new Uint8Array() });
    driver.wait(100);
    expect(driver.dials).toHaveLength(dials + 1);
    expect(driver.runs.flat()).toEqual([]);
  });

  it('gives up in time: unknown if it was sent, unavailable if not', () => {
    const driver = live(1);
    const sent = driver.act(500);
    driver.cut();
    driver.servers.connection = null;
    const kept = driver.act(500);
    driver.wait(501);
    expect(driver.settled.get(sent)).toMatchObject({ kind: 'unknown', code: 'timeout' });
    expect(driver.settled.get(kept)).toMatchObject({ kind: 'unavailable', code: 'timeout' });
  });

  it('leaves a region that answers no act, also where each act is given up before the region is', () => {
    const driver = live(3);
    const dials = driver.dials.length;
    // It takes everything and hears nothing of its peers.
    driver.servers.connection!.up.push = () => 0;
    for (let waited = 0; waited < 30_000 && driver.dials.length === dials; waited += 100) {
      if (waited % 1_000 === 0) driver.act(900);
      driver.rest(100);
    }
    expect(driver.reasons).toContain('no answer to an act');
    expect(driver.dials.length).toBeGreaterThan(dials);
  });

  it('keeps at most 64 acts on the wire, 256 behind them, and refuses the next', () => {
    const driver = live();
    for (let i = 0; i < 64 + 256; i++) driver.act();
    expect(driver.servers.connection!.up).toHaveLength(64);
    expect(driver.settled.size).toBe(0);
    expect(driver.settled.get(driver.act())).toMatchObject({ kind: 'unavailable', code: 'overloaded' });
    driver.heal();
    expect([...driver.settled.values()].filter(({ kind }) => kind === 'issued')).toHaveLength(320);
  });

  it('tells of commands it could not see one by one', () => {
    const driver = live();
    driver.servers.tick();
    driver.heal();
    for (let i = 0; i < 9; i++) driver.servers.tick();
    driver.servers.firstHeld = 8;
    driver.servers.applied.fill(10);
    driver.cut();
    driver.heal();
    expect(driver.resyncs).toEqual([{ kind: 'resync', after: 1, number: 10, reason: 'compacted' }]);
  });

  it('asks for a snapshot after a command that does not fit, and says so', () => {
    const driver = live();
    driver.servers.tick();
    driver.heal();
    driver.spoil = true;
    driver.servers.tick();
    driver.servers.tick();
    driver.heal();
    expect(driver.dials.at(-1)!.from).toBe(null);
    expect(driver.resyncs).toEqual([{ kind: 'resync', after: 1, number: 3, reason: 'diverged' }]);
    expect(driver.session.number).toBe(3);
  });

  it('leaves a server that is silent, after asking it for a sign of life', () => {
    const driver = live();
    const dials = driver.dials.length;
    driver.wait(2_900);
    expect(driver.dials).toHaveLength(dials);
    driver.wait(200);
    expect(driver.dials).toHaveLength(dials + 1);
    expect(driver.reasons).toContain('no sign of life');
  });

  it('does not blame the server for its own sleep', () => {
    const driver = live();
    const dials = driver.dials.length;
    driver.now += 60_000;
    driver.feed({ kind: 'tick' });
    expect(driver.dials).toHaveLength(dials);
    expect(driver.servers.connection!.down).toHaveLength(1);
    while (driver.deliver());
    driver.wait(900);
    expect(driver.dials).toHaveLength(dials);
  });

  it('leaves a region that does not get an act executed', () => {
    const driver = live();
    driver.servers.sulk = 'no-quorum';
    driver.act();
    const dials = driver.dials.length;
    sulk(driver, 4_900);
    expect(driver.dials.length).toBe(dials);
    sulk(driver, 400);
    expect(driver.dials.length).toBe(dials + 1);
    expect(driver.reasons).toContain('no answer to an act');
  });

  it('is slower to leave the next one, as long as none gets the act executed', () => {
    const driver = live();
    driver.servers.sulk = 'no-quorum';
    driver.act(120_000);
    sulk(driver, 60_000);
    const complaints = driver.reasons.filter((reason) => reason === 'no answer to an act');
    // After 5, 10, 20 and 20 s, each a little more for the way.
    expect(complaints).toHaveLength(4);
    driver.servers.sulk = null;
    driver.heal();
    driver.servers.sulk = 'no-quorum';
    driver.act(120_000);
    sulk(driver, 5_500);
    // One was executed: now the next is as short of patience as the first.
    expect(driver.reasons.filter((reason) => reason === 'no answer to an act')).toHaveLength(5);
  });

  it('gives a region more time where the world moves on: it is slow, not cut off', () => {
    const driver = live();
    driver.servers.sulk = 'no-quorum';
    driver.act(60_000);
    const dials = driver.dials.length;
    for (let second = 0; second < 9; second++) {
      driver.servers.tick();
      driver.servers.apply(driver.servers.connection!.address);
      sulk(driver, 1_000);
    }
    expect(driver.dials.length).toBe(dials);
    sulk(driver, 2_000);
    expect(driver.dials.length).toBe(dials + 1);
  });

  it('dials again within a window that doubles with each failure in a row', () => {
    const driver = new SessionDriver();
    driver.random = 1;
    driver.start();
    for (let i = 0; i < 9; i++) {
      driver.cut();
      for (let ms = 0; driver.servers.connection === null; ms++) {
        if (ms > 6_000) throw new Error('no dial');
        driver.wait(1);
      }
    }
    const at = driver.dials.map((dial) => dial.at);
    const pauses = at.slice(1).map((time, i) => time - at[i]!);
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    expect(driver.dials.map(({ address }) => address)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
  });

  it('dials sooner where a connection broke in a quiet world', () => {
    const pause = (commands: number, lose: (driver: SessionDriver) => void) => {
      const driver = live(3, { quietPerSecond: 2 });
      driver.rest(5_100);
      for (let i = 0; i < commands; i++) driver.servers.tick();
      driver.heal();
      driver.random = 1;
      const lostAt = driver.now;
      lose(driver);
      driver.wait(200);
      return driver.dials.at(-1)!.at - lostAt;
    };
    expect(pause(5, (driver) => driver.cut())).toBe(40);
    expect(pause(20, (driver) => driver.cut())).toBe(100);
    // A region that sends its clients away sends all of them, and may be asked for the next world, too.
    const moveOn = (driver: SessionDriver) =>
      driver.feed({ kind: 'move-on', connection: driver.servers.connection!.id, reason: 'draining' });
    expect(pause(5, moveOn)).toBe(100);
  });

  it('scatters a thousand clients that lose one server of a busy world over the whole window', () => {
    const tenths = new Array<number>(10).fill(0);
    for (let client = 0; client < 1_000; client++) {
      const driver = live(3, { quietPerSecond: 0 });
      driver.rest(5_100);
      driver.random = client / 1_000;
      const cutAt = driver.now;
      driver.cut();
      driver.wait(100);
      const dialled = driver.dials.at(-1)!;
      expect(dialled.address).toBe(1);
      tenths[Math.min(9, Math.floor((dialled.at - cutAt) / 10))]! += 1;
    }
    expect(Math.min(...tenths)).toBeGreaterThan(80);
    expect(Math.max(...tenths)).toBeLessThan(120);
  });

  it('comes back no sooner than a server asked for, and goes elsewhere first', () => {
    const driver = new SessionDriver();
    driver.start();
    const connection = driver.servers.connection!.id;
    driver.feed({ kind: 'lost', connection, reason: 'overloaded: too many joins', retryAfterMs: 1_000 });
    const toldAt = driver.now;
    driver.wait(2_000);
    expect(driver.dials.at(-1)).toMatchObject({ address: 1, at: toldAt + 1_500 });
  });

  it('gives a dial more time after failures', () => {
    const driver = new SessionDriver();
    driver.random = 0;
    driver.start();
    driver.wait(40_000);
    const at = driver.dials.map((dial) => dial.at);
    expect(at.slice(1).map((time, i) => time - at[i]!)).toEqual([3_000, 6_000, 12_000, 12_000]);
  });

  it('ends when every address says no for good', () => {
    const driver = new SessionDriver();
    driver.start();
    const ticket = driver.act();
    for (let i = 0; i < 3; i++) {
      const connection = driver.servers.connection!.id;
      driver.feed({ kind: 'lost', connection, reason: 'no such world', refusal: 'no-such-world' });
      driver.wait(400);
    }
    expect(driver.ended).toBe('no-such-world');
    expect(driver.settled.get(ticket)).toMatchObject({ kind: 'unavailable' });
    expect(driver.session.wakeAt()).toBe(Infinity);
  });

  it('leaves a gap in the sequences when it goes on with an older token', () => {
    // With a clock that is no help.
    const driver = live(3, {}, 0);
    driver.act();
    expect([...driver.sentAs.keys()]).toEqual([RESUME_GAP + 1]);
    driver.cut();
    driver.heal();
    driver.act();
    expect([...driver.sentAs.keys()]).toEqual([RESUME_GAP + 1, RESUME_GAP + 2]);
  });

  it('[SDK2] never takes a sequence of an earlier life of its page, however many there were', () => {
    const lives = [5_000, 5_001, 7_000].map((at) => {
      const driver = live(3, {}, at);
      // The replica that welcomes it has seen nothing of the lives before.
      for (let count = 0; count < 64; count++) driver.act();
      return [...driver.sentAs.keys()];
    });
    const all = lives.flat();
    expect(all).toHaveLength(3 * 64);
    expect([...all].sort((a, b) => a - b)).toEqual(all);
    expect(new Set(all).size).toBe(all.length);
  });

  it('starts over, loudly, when every server is behind what it has seen', () => {
    const driver = live();
    for (let i = 0; i < 5; i++) driver.servers.tick();
    driver.heal();
    driver.servers.log.length = 2;
    driver.servers.applied.fill(2);
    driver.cut();
    for (let i = 0; i < 600 && driver.resyncs.length === 0; i++) {
      while (driver.deliver());
      driver.wait(50);
    }
    expect(driver.resyncs).toEqual([{ kind: 'resync', after: 5, number: 2, reason: 'rewound' }]);
  });

  it('settles everything when it is closed, and refuses what comes after', () => {
    const driver = live();
    const sent = driver.act();
    driver.feed({ kind: 'close' });
    expect(driver.settled.get(sent)).toMatchObject({ kind: 'unknown', code: 'closed' });
    expect(driver.settled.get(driver.act())).toMatchObject({ kind: 'unavailable', code: 'closed' });
    expect(driver.servers.connection).toBe(null);
  });
});

/** One thing that may happen; the number picks among variants. */
const happening = fc.tuple(
  fc.constantFrom(
    'act',
    'read',
    'refuse',
    'deliver',
    'apply',
    'tick',
    'cut',
    'wait',
    'compact',
    'skip',
    'again',
    'spoil',
    'sulk',
  ),
  fc.nat({ max: 99 }),
);
const SULKS = [null, null, null, 'no-quorum', 'unknown', 'draining', 'overloaded'];

function happen(driver: SessionDriver, [what, n]: readonly [string, number]): void {
  const { servers } = driver;
  if (what === 'act') driver.act();
  if (what === 'read') servers.read(false);
  if (what === 'refuse') servers.read(true);
  if (what === 'deliver') for (let i = 0; i <= n % 5; i++) driver.deliver();
  if (what === 'apply') servers.apply(n % servers.regions);
  if (what === 'tick') servers.tick();
  if (what === 'cut' && n < 40) driver.cut();
  if (what === 'wait') driver.wait(n * (n % 7 === 0 ? 40 : 2));
  if (what === 'compact' && n < 20) servers.firstHeld = servers.log.length + 1;
  if (what === 'skip' && n < 20) servers.skip();
  if (what === 'again') servers.again(n % 4);
  if (what === 'spoil' && n < 10) driver.spoil = true;
  if (what === 'sulk') servers.sulk = SULKS[n % SULKS.length]!;
}

describe('the session machine under random events', () => {
  it('[SDK1, SDK2] hands on every command once, in order, and settles every act once and truthfully', () => {
    fc.assert(
      fc.property(fc.array(happening, { minLength: 20, maxLength: 200 }), (script) => {
        // No act is given up for being late: each must come to its end.
        const driver = new SessionDriver(3, { actMs: 1e9 });
        driver.start();
        for (const step of script) happen(driver, step);
        driver.spoil = false;
        driver.heal();

        for (const run of driver.runs) expect(run).toEqual(run.map((_, i) => run[0]! + i));
        const starts = driver.runs.slice(1).filter((run) => run.length > 0);
        for (const run of starts) {
          const reported = driver.resyncs.some((resync) => resync.number === run[0]! - 1);
          const first = driver.resyncs.length === 0 && run === driver.runs.find(({ length }) => length > 0);
          expect(reported || first).toBe(true);
        }
        expect(driver.doubleSettled).toBe(0);
        expect(driver.reusedSequences).toBe(0);
        expect(driver.settled.size).toBe(driver.acts);
        for (const [ticket, settlement] of driver.settled) {
          const executed = driver.servers.log.filter((entry) => entry.action === `act-${ticket}`);
          expect(executed.length).toBeLessThanOrEqual(1);
          if (settlement.kind === 'unknown') expect(settlement.detail).toMatch(/^refused .* earlier copy/);
          if (settlement.kind === 'issued') expect(executed[0]?.number).toBe(settlement.number);
          if (settlement.kind === 'refused' || settlement.kind === 'unavailable')
            expect(executed).toEqual([]);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
