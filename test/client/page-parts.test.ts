import { describe, expect, it } from 'vitest';
import { Leadership } from '../../client/page/leadership.ts';
import { DELAY_MS, Track, turn } from '../../client/page/motion.ts';
import { serversFrom, Ticket } from '../../client/page/servers.ts';
import { STEP_MS, Walker } from '../../client/page/walker.ts';
import { WorldClock } from '../../client/world-clock.ts';
import { SPEED } from '../../game-logic/worlds/arena/rules.ts';

const place = (x: number, y = 0, facing = 0) => ({ x, y, facing });

describe('a track', () => {
  it('is between two places, and stays at the last', () => {
    const track = new Track();
    track.add(1_000, place(0));
    track.add(1_050, place(1));
    expect(track.at(1_025).x).toBeCloseTo(0.5);
    expect(track.at(900).x).toBe(0);
    expect(track.at(5_000).x).toBe(1);
  });

  it('stands still until the step when nothing was heard for long', () => {
    const track = new Track();
    track.add(1_000, place(0));
    track.add(6_000, place(1));
    expect(track.at(5_900).x).toBe(0);
    expect(track.at(5_975).x).toBeCloseTo(0.5);
  });

  it('jumps where a walk cannot be', () => {
    const track = new Track();
    track.add(1_000, place(0));
    track.add(1_050, place(10));
    expect(track.at(1_048).x).toBe(0);
    expect(track.at(1_050).x).toBe(10);
  });

  it('turns the shorter way round', () => {
    expect(turn(3, -3)).toBeCloseTo(2 * Math.PI - 6);
    expect(turn(-3, 3)).toBeCloseTo(6 - 2 * Math.PI);
    expect(turn(1, 1.5)).toBeCloseTo(0.5);
    expect(turn(0, 20 * Math.PI)).toBeCloseTo(0);
  });

  it('forgets what is long past', () => {
    const track = new Track();
    for (let i = 0; i < 500; i++) track.add(1_000 + i * 50, place(i / 10));
    expect(track.at(0).x).toBeGreaterThan(45);
    expect(DELAY_MS).toBeLessThan(24 * 50);
  });
});

describe("the world's clock", () => {
  it('believes the fastest delivery', () => {
    const clock = new WorldClock();
    expect(clock.time(0)).toBe(null);
    clock.heard(10_000, 500);
    clock.heard(10_050, 580);
    expect(clock.time(600)).toBeGreaterThan(10_098);
    clock.heard(10_100, 590);
    expect(clock.time(600)).toBe(10_110);
  });

  it('follows another leader with another clock', () => {
    const clock = new WorldClock();
    for (let now = 0; now < 1_000; now += 50) clock.heard(10_000 + now, now);
    for (let now = 1_000; now < 60_000; now += 50) clock.heard(9_900 + now, now);
    expect(clock.time(60_000)! - 69_900).toBeLessThan(5);
    clock.heard(20_000, 60_050);
    expect(clock.time(60_050)).toBe(20_000);
  });
});

describe('a walker', () => {
  it('takes steps of the speed of the rules, whatever the frames are', () => {
    const walker = new Walker();
    walker.aim({ dx: 3, dy: 4 });
    let walked = 0;
    for (let now = 0; now <= 2_000; now += 16) {
      const step = walker.advance(now);
      if (step) walked += Math.hypot(step.dx, step.dy);
    }
    walked += Math.hypot(walker.ahead().dx, walker.ahead().dy);
    expect(walked).toBeCloseTo(SPEED * 2, 0);
  });

  it('does not make up for a long sleep, and stops while too much is unanswered', () => {
    const walker = new Walker();
    walker.aim({ dx: 1, dy: 0 });
    walker.advance(0);
    expect(walker.advance(60_000)!.dx).toBeLessThan(1);
    walker.unanswered = 8;
    expect(walker.held).toBe(true);
    expect(walker.advance(60_000 + 4 * STEP_MS)).toBe(null);
    expect(walker.ahead()).toEqual({ dx: 0, dy: 0 });
  });
});

describe('leadership as the commands tell it', () => {
  it('counts changes and measures the pause', () => {
    const leadership = new Leadership();
    expect(leadership.command({ round: 1, region: 'eu' }, 100)).toBe(false);
    leadership.command({ round: 1, region: 'eu' }, 150);
    expect(leadership.command({ round: 2, region: 'us' }, 230)).toBe(true);
    expect(leadership).toMatchObject({ changes: 1, pauseMs: 80, ballot: { round: 2, region: 'us' } });
    leadership.skipped();
    leadership.command({ round: 3, region: 'us' }, 9_000);
    expect(leadership).toMatchObject({ changes: 2, pauseMs: null });
    // A quiet world does not pause.
    leadership.command({ round: 3, region: 'us' }, 30_000);
    leadership.command({ round: 4, region: 'eu' }, 60_000);
    expect(leadership).toMatchObject({ changes: 3, pauseMs: null });
  });
});

describe('the servers of the page', () => {
  const here = { protocol: 'http:', hostname: '127.0.0.1', port: '2568', search: '' };

  it('are its own, then those of the query, each once', () => {
    const search = '?servers=2567,2568,example.org:9,wss://far.example,%20,http:%2F%2F';
    expect(serversFrom({ ...here, search }, null)).toEqual([
      'ws://127.0.0.1:2568',
      'ws://127.0.0.1:2567',
      'ws://example.org:9',
      'wss://far.example',
    ]);
  });

  it('are those of the configuration where the query says nothing', () => {
    expect(serversFrom(here, { servers: ['ws://127.0.0.1:2567', 7] })).toEqual([
      'ws://127.0.0.1:2568',
      'ws://127.0.0.1:2567',
    ]);
    expect(serversFrom({ ...here, protocol: 'https:', port: '' }, 'nonsense')).toEqual(['wss://127.0.0.1']);
  });

  it('know the player of this tab, if the browser keeps anything', () => {
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    };
    const ticket = new Ticket(storage, 'arena');
    expect(ticket.token).toBe(null);
    ticket.keep('t');
    expect(new Ticket(storage, 'arena').token).toBe('t');
    ticket.keep(null);
    expect(ticket.token).toBe(null);
    const shut = () => {
      throw new Error('denied');
    };
    const none = new Ticket({ getItem: shut, setItem: shut, removeItem: shut }, 'arena');
    none.keep('t');
    expect(none.token).toBe(null);
  });
});
