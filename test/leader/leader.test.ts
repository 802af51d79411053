import { describe, expect, it } from 'vitest';
import { LeaderBench, livelyWorld } from './bench.ts';

const amounts = (bench: LeaderBench) =>
  Object.fromEntries(bench.state.toJSON()['warehouse']?.map((row) => [row['id'], row['amount']]) ?? []);

describe('the window (R8)', () => {
  it('T60: runs no function beyond it', () => {
    const bench = new LeaderBench({ window: 2 }).activate();
    for (const sequence of [1, 2, 3])
      bench.submit(bench.request('s', sequence, 'inbound', { to: 'A', amount: 1 }));
    expect(bench.run()).toEqual([1, 2]);
    expect(bench.run()).toEqual([]);
    expect(bench.leader.version).toBe(2);
    bench.issue(1);
    expect(bench.run()).toEqual([3]);
  });

  it('T62: proposes behind a chain that is not voted yet, on the state after it', () => {
    const earlier = new LeaderBench().activate(3);
    earlier.submit(earlier.request('s', 1, 'inbound', { to: 'A', amount: 500 }));
    earlier.run();
    const bench = new LeaderBench().activate(4, earlier.proposed);
    bench.submit(bench.request('t', 1, 'transfer', { from: 'A', to: 'B', amount: 100 }));
    expect(bench.run()).toEqual([2]);
    expect(bench.envelope(2)).toMatchObject({ born: 4, precedent: 3 });
    bench.issue(2);
    expect(amounts(bench)).toEqual({ A: 400, B: 100, C: 0 });
  });

  it('T63: LS keeps what an open number wrote until that one is issued', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 1 }));
    bench.submit(bench.request('s', 2, 'inbound', { to: 'A', amount: 1 }));
    bench.run();
    bench.issue(1);
    expect(bench.leader.state?.overlaySize).toBeGreaterThan(0);
    bench.issue(2);
    expect(bench.leader.state?.overlaySize).toBe(0);
    expect(bench.leader.state?.digest).toEqual(bench.state.digest);
  });

  it('lays the commands of a turn side by side', () => {
    const bench = new LeaderBench().activate();
    for (const sequence of [1, 2, 3])
      bench.submit(bench.request('s', sequence, 'inbound', { to: 'A', amount: 1 }));
    bench.run();
    const [first, second, third] = bench.proposed.map(({ bytes }) => bytes);
    expect(second?.buffer).toBe(first?.buffer);
    const end = (bytes?: Uint8Array) => (bytes?.byteOffset ?? 0) + (bytes?.byteLength ?? 0);
    expect(second?.byteOffset).toBe(end(first));
    expect(third?.byteOffset).toBe(end(second));
  });
});

describe('answers (8.3 to 8.5)', () => {
  const refusing = (bench: LeaderBench, sequence = 1) =>
    bench.request('s', sequence, 'outbound', { from: 'A', amount: 5 });

  it('a success is no message: its region sees the command', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }));
    bench.run();
    bench.issue(1).confirm(99);
    expect(bench.replies).toEqual([]);
    expect(bench.envelope(1)).toMatchObject({ session: 's', sequence: 1, origin: { region: 0, request: 1 } });
  });

  it('[ANS2] T64: a function that threw leaves no trace, and its answer waits like a refusal', () => {
    const bench = new LeaderBench({ definition: livelyWorld() }).activate();
    bench.submit(bench.request('s', 1, 'open', { id: 'bug' }));
    const before = bench.run();
    expect(bench.actions()).toContain('$join');
    expect(bench.actions()).not.toContain('open');
    expect(bench.replies).toEqual([]);
    bench.issue(before.at(-1) ?? 0).confirm();
    expect(bench.replies).toMatchObject([{ outcome: 'failed', code: 'internal' }]);
    expect(bench.state.table('warehouse')?.has('bug')).toBe(false);
  });

  it('T65: what chance decided is in the command', () => {
    const bench = new LeaderBench({ definition: livelyWorld() }).activate();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 10 }));
    bench.issue(bench.run().at(-1) ?? 0);
    expect(amounts(bench)['A']).toBe(5);
  });

  it('[ANS2] T70: a refusal waits for the number it depends on', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('t', 1, 'inbound', { to: 'A', amount: 1 }));
    bench.submit(refusing(bench));
    bench.run();
    bench.confirm();
    expect(bench.replies).toEqual([]);
    bench.issue(1);
    expect(bench.replies).toMatchObject([{ outcome: 'refused', code: 'insufficient-goods' }]);
  });

  it('T70: and is never told if the leadership ends first', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('t', 1, 'inbound', { to: 'A', amount: 1 }));
    bench.submit(refusing(bench));
    bench.run();
    expect(bench.leader.deposed()).toEqual([]);
    bench.leader.confirmed(99);
    bench.leader.issued(1);
    expect(bench.leader.takeReplies()).toEqual([]);
  });

  it('[ANS2] T71: a leader that no majority confirms answers neither a refusal nor a read', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('t', 1, 'inbound', { to: 'A', amount: 1 }));
    bench.run();
    bench.issue(1).confirm();
    bench.submit(refusing(bench));
    bench.leader.read(1, 77);
    bench.run();
    expect(bench.replies).toEqual([]);
    // A token taken before the request proves nothing.
    bench.confirm((bench.lastConfirm ?? 0) - 1);
    expect(bench.replies).toEqual([]);
    bench.confirm();
    expect(bench.replies).toMatchObject([
      { region: 1, request: 77, outcome: 'read', number: 1 },
      { outcome: 'refused' },
    ]);
  });

  it('a linearizable read covers what is proposed: another region may know it issued already', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('t', 1, 'inbound', { to: 'A', amount: 1 }));
    bench.run();
    bench.leader.read(1, 77);
    bench.run();
    bench.confirm();
    expect(bench.replies).toEqual([]);
    bench.issue(1);
    expect(bench.replies).toMatchObject([{ outcome: 'read', number: 1 }]);
  });

  it('T72: nothing is said of a command that is not issued', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }));
    bench.run();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }, 50));
    bench.run();
    bench.confirm();
    expect(bench.replies).toEqual([]);
  });

  it('a no that holds on every state leaves at once', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('s', 1, 'no-such', {}), {
      ...bench.request('s', 2, 'inbound', { to: 'A', amount: 1 }),
      args: new Uint8Array([1, 2, 3]),
    });
    bench.run();
    expect(bench.replies).toMatchObject([
      { request: 1, code: 'no-such-action' },
      { request: 2, code: 'bad-arguments' },
    ]);
  });

  it('the first no of a leadership waits for a command of its own, which is made for it', () => {
    const bench = new LeaderBench().activate();
    bench.submit(refusing(bench));
    expect(bench.run()).toEqual([1]);
    expect(bench.actions()).toEqual(['$settle']);
    bench.confirm();
    expect(bench.replies).toEqual([]);
    bench.issue(1);
    expect(bench.replies).toMatchObject([{ outcome: 'refused' }]);
    expect(bench.state.number).toBe(1);
    // Once is enough.
    bench.submit(refusing(bench, 2));
    expect(bench.run()).toEqual([]);
    bench.confirm();
    expect(bench.replies).toHaveLength(2);
  });

  it('[FUN4] an action without effect makes no command and is answered with what it read', () => {
    const bench = new LeaderBench({ definition: livelyWorld({ everyMs: 1e9 }) }).activate();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 8 }));
    bench.issue(bench.run().at(-1) ?? 0);
    bench.submit(bench.request('s', 2, 'outbound', { from: 'A', amount: 1 }));
    expect(bench.run()).toEqual([]);
    bench.confirm();
    expect(bench.replies).toMatchObject([{ outcome: 'nothing', number: 3, result: '4' }]);
  });
});

describe('exactly once', () => {
  it('[ONCE2] T66: the same sequence twice makes one command; both are answered once it is issued', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }, 10));
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }, 11));
    expect(bench.run()).toEqual([1]);
    expect(bench.replies).toEqual([]);
    bench.issue(1);
    expect(bench.replies).toMatchObject([
      { request: 11, outcome: 'duplicate', answer: { number: 1, result: '{"A":5}' } },
    ]);
  });

  it('T67: a request whose command is in H is not run again', () => {
    const earlier = new LeaderBench().activate(3);
    earlier.submit(earlier.request('s', 1, 'inbound', { to: 'A', amount: 5 }));
    earlier.run();
    const bench = new LeaderBench().activate(4, earlier.proposed);
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }));
    expect(bench.run()).toEqual([]);
    expect(bench.replies).toEqual([]);
    bench.issue(1);
    expect(bench.replies).toMatchObject([{ outcome: 'duplicate', answer: { number: 1 } }]);
  });

  it('T68: a request whose command did not survive is run again', () => {
    const earlier = new LeaderBench().activate(3);
    earlier.submit(earlier.request('s', 1, 'inbound', { to: 'A', amount: 5 }));
    earlier.run();
    const bench = new LeaderBench().activate(4);
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }));
    expect(bench.run()).toEqual([1]);
    expect(bench.envelope(1).born).toBe(4);
  });

  it('T69: after the issue the stored answer comes back without a new number', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }));
    bench.run();
    bench.issue(1);
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }, 20));
    expect(bench.run()).toEqual([]);
    expect(bench.replies).toMatchObject([{ request: 20, outcome: 'duplicate', answer: { number: 1 } }]);
  });

  it('a copy of a request that was told no is not run, even where it would succeed by now', () => {
    const bench = new LeaderBench().activate();
    const request = bench.request('s', 1, 'outbound', { from: 'A', amount: 5 }, 30);
    bench.submit(bench.request('t', 1, 'inbound', { to: 'B', amount: 1 }), request);
    bench.run();
    bench.submit(request);
    bench.submit(bench.request('t', 2, 'inbound', { to: 'A', amount: 9 }));
    expect(bench.run()).toEqual([2]);
    bench.issue(2).confirm();
    expect(bench.replies).toMatchObject([{ request: 30, outcome: 'refused' }]);
    bench.submit(request);
    expect(bench.run()).toEqual([]);
    expect(bench.replies).toMatchObject([
      { request: 30, outcome: 'refused' },
      { request: 30, outcome: 'refused' },
    ]);
    // A new attempt is another request.
    bench.submit({ ...request, request: 31 });
    expect(bench.run()).toEqual([3]);
  });

  it('[ONCE3] a sequence below one already executed is a definite no', () => {
    const bench = new LeaderBench().activate();
    bench.submit(bench.request('s', 2, 'inbound', { to: 'A', amount: 5 }));
    bench.run();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 5 }));
    bench.run();
    bench.issue(1).confirm();
    expect(bench.replies).toMatchObject([{ request: 2, outcome: 'failed', code: 'out-of-order' }]);
  });
});

describe('the queue', () => {
  it('[ONCE4] T78: keeps the order of a session and lets sessions and regions take turns', () => {
    const bench = new LeaderBench().activate();
    const inbound = (region: number, session: string, sequence: number, name: number) => ({
      ...bench.request(session, sequence, 'inbound', { to: 'A', amount: 1 }, name),
      region,
    });
    bench.submit(inbound(0, 'k', 3, 1), inbound(0, 'k', 1, 2), inbound(2, 'k', 2, 1));
    bench.submit(inbound(0, 'l', 1, 3), inbound(1, 'm', 1, 1));
    bench.run();
    expect(
      bench.proposed.map(({ number }) => bench.envelope(number)).map((e) => e.session + e.sequence),
    ).toEqual(['k1', 'm1', 'l1', 'k2', 'k3']);
  });

  it('is bounded per region, and says so at once', () => {
    const bench = new LeaderBench({ window: 0, limits: { queuePerRegion: 2 } }).activate();
    for (const sequence of [1, 2, 3])
      bench.submit(bench.request('s', sequence, 'inbound', { to: 'A', amount: 1 }));
    bench.submit({ ...bench.request('t', 1, 'inbound', { to: 'A', amount: 1 }), region: 1 });
    bench.run();
    expect(bench.replies).toMatchObject([{ request: 3, outcome: 'failed', code: 'overloaded' }]);
    expect(bench.leader.queued).toBe(3);
  });

  it('a full queue is no reason to deny what was executed or waits already', () => {
    const bench = new LeaderBench({ window: 1, limits: { queuePerRegion: 1 } }).activate();
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 1 }));
    bench.run();
    bench.submit(bench.request('s', 2, 'inbound', { to: 'A', amount: 1 }));
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 1 }, 40));
    bench.submit(bench.request('s', 2, 'inbound', { to: 'A', amount: 1 }, 41));
    bench.run();
    expect(bench.replies).toEqual([]);
    bench.issue(1);
    expect(bench.replies).toMatchObject([{ request: 40, outcome: 'duplicate' }]);
    bench.run();
    bench.issue(2);
    bench.run();
    expect(bench.replies).toMatchObject([{ request: 40 }, { request: 41, outcome: 'duplicate' }]);
  });

  it('T52: on deposition only what was not run is sent elsewhere', () => {
    const bench = new LeaderBench({ window: 1 }).activate();
    for (const sequence of [1, 2])
      bench.submit(bench.request('s', sequence, 'inbound', { to: 'A', amount: 1 }));
    bench.run();
    expect(bench.leader.deposed()).toEqual([{ region: 0, request: 2, outcome: 'not-leader' }]);
    expect(bench.leader.ballot).toBe(0);
    expect(bench.run()).toEqual([]);
  });

  it('takes actions for a ballot that is being prepared and runs them once it is active', () => {
    const bench = new LeaderBench();
    bench.leader.prepare(6);
    bench.submit(bench.request('s', 1, 'inbound', { to: 'A', amount: 1 }));
    expect(bench.run()).toEqual([]);
    bench.activate(6);
    expect(bench.run()).toEqual([1]);
  });

  it('a turn is bounded in functions, in bytes and in time, and always runs one', () => {
    const bench = new LeaderBench({ limits: { turnFunctions: 2 } }).activate();
    for (let sequence = 1; sequence <= 5; sequence++)
      bench.submit(bench.request('s', sequence, 'inbound', { to: 'A', amount: 1 }));
    expect(bench.run()).toEqual([1, 2]);
    bench.slowMs = 100;
    expect(bench.run()).toEqual([3]);
    expect(bench.run()).toEqual([4]);
  });
});

describe('ticks, timers, presence', () => {
  it('ticks keep their beat and are not made up for after a pause', () => {
    const bench = new LeaderBench({ definition: livelyWorld() }).activate();
    const ticks = () => bench.actions().filter((action) => action === '$tick').length;
    bench.run();
    for (let step = 0; step < 20; step++) {
      bench.clock += 10;
      bench.run();
    }
    expect(ticks()).toBe(5);
    bench.clock += 5_000;
    bench.run();
    bench.run();
    expect(ticks()).toBe(6);
    bench.clock += 49;
    bench.run();
    expect(ticks()).toBe(6);
    bench.clock += 1;
    bench.run();
    expect(ticks()).toBe(7);
  });

  it('slow ticks do not keep actions from running', () => {
    const bench = new LeaderBench({ definition: livelyWorld({ everyMs: 1 }) }).activate();
    bench.slowMs = 1_000;
    for (let sequence = 1; sequence <= 3; sequence++)
      bench.submit(bench.request('s', sequence, 'inbound', { to: 'A', amount: 9 }));
    for (let turn = 0; turn < 3; turn++) {
      bench.clock += 1_000;
      bench.run();
    }
    expect(bench.actions().filter((action) => action === 'inbound')).toHaveLength(3);
  });

  it('[FUN3] a timer set under one leader fires under the next', () => {
    const definition = livelyWorld({ everyMs: 1e9 });
    const first = new LeaderBench({ definition }).activate(3);
    first.submit(first.request('s', 1, 'transfer', { from: 'A', to: 'B', amount: 500 }));
    first.run();
    const bench = new LeaderBench({ definition }).activate(4, first.proposed);
    bench.clock += 499;
    bench.run();
    expect(bench.actions()).not.toContain('$timer');
    bench.clock += 1;
    bench.issue(bench.run().at(-1) ?? 0);
    expect(bench.actions()).toContain('$timer');
    expect(bench.state.table('warehouse')?.has('rung')).toBe(true);
  });

  it('[FUN2] a timer that is due by the world is due now, also where the wall clock was set back', () => {
    const bench = new LeaderBench({ definition: livelyWorld({ everyMs: 1e9 }) }).activate();
    bench.submit(bench.request('s', 1, 'transfer', { from: 'A', to: 'B', amount: 0 }));
    bench.issue(bench.run().at(-1) ?? 0);
    expect(bench.state.nextTimer()?.due).toBe(bench.state.time);
    expect(bench.leader.dueAt(bench.clock, bench.state.time - 3_600_000)).toBe(bench.clock);
    bench.run();
    expect(bench.actions()).toContain('$timer');
    expect(bench.leader.dueAt(bench.clock, bench.state.time - 3_600_000)).toBeGreaterThan(
      bench.clock + 1_000,
    );
  });

  it('a session joins when it connects, or before its first action, and leaves on good-bye', () => {
    const bench = new LeaderBench({ definition: livelyWorld({ everyMs: 1e9 }) }).activate();
    bench.leader.report(1, ['eve'], [], bench.clock);
    bench.submit(bench.request('bob', 1, 'open', { id: 'X' }));
    bench.run();
    expect(bench.actions()).toEqual(['$join', '$tick', '$join', 'open']);
    bench.leader.report(1, [], ['eve'], bench.clock);
    bench.run();
    expect(bench.envelope(bench.leader.version)).toMatchObject({ action: '$leave', session: 'eve' });
  });

  it('a good-bye in one region is none while the session is connected in another', () => {
    const bench = new LeaderBench({ definition: livelyWorld({ everyMs: 1e9 }) }).activate();
    bench.leader.report(0, ['eve'], [], bench.clock);
    bench.leader.report(1, ['eve'], [], bench.clock);
    bench.run();
    bench.leader.report(0, [], ['eve'], bench.clock);
    bench.run();
    bench.clock += 60_000;
    bench.leader.report(1, ['eve'], [], bench.clock);
    bench.run();
    expect(bench.actions()).not.toContain('$leave');
  });

  it('nothing is run without room, not even a join', () => {
    const bench = new LeaderBench({ definition: livelyWorld({ everyMs: 1e9 }), window: 1 }).activate();
    bench.submit(bench.request('s', 1, 'open', { id: 'X' }));
    expect([bench.run(), bench.run()]).toEqual([[1], []]);
    bench.issue(1);
    bench.run();
    expect(bench.actions()).toEqual(['$tick', '$join']);
    bench.issue(2);
    bench.run();
    expect(bench.actions()).toEqual(['$tick', '$join', 'open']);
  });

  it('a session whose join is refused is told so and does nothing', () => {
    const bench = new LeaderBench({ definition: livelyWorld({ everyMs: 1e9 }) }).activate();
    bench.submit(bench.request('banned', 1, 'open', { id: 'X' }));
    bench.issue(bench.run().at(-1) ?? 0).confirm();
    expect(bench.replies).toMatchObject([{ outcome: 'refused', code: 'banned' }]);
    expect(bench.actions()).not.toContain('open');
  });

  it('a lost connection leaves after its grace period, one that comes back in time does not', () => {
    const bench = new LeaderBench({
      definition: livelyWorld({ everyMs: 1e9 }),
      limits: { graceMs: 1_000, staleMs: 3_000 },
    }).activate();
    const report = (region: number, ...sessions: string[]) => {
      bench.leader.report(region, sessions, [], bench.clock);
      bench.run();
    };
    report(0, 'a', 'b');
    bench.clock += 100;
    report(0);
    bench.clock += 500;
    report(1, 'a');
    bench.clock += 499;
    report(1, 'a');
    expect(bench.actions()).not.toContain('$leave');
    bench.clock += 1;
    report(1, 'a');
    expect(bench.envelope(bench.leader.version)).toMatchObject({ action: '$leave', session: 'b' });
    // The region falls silent: first its list is stale, then the grace period runs.
    bench.clock += 3_001;
    bench.run();
    expect(bench.actions().filter((action) => action === '$leave')).toHaveLength(1);
    bench.clock += 1_000;
    bench.run();
    expect(bench.envelope(bench.leader.version)).toMatchObject({ action: '$leave', session: 'a' });
  });

  it('a new leader gives every joined session its grace period before it leaves', () => {
    const definition = livelyWorld({ everyMs: 1e9 });
    const first = new LeaderBench({ definition }).activate(3);
    first.submit(first.request('s', 1, 'open', { id: 'X' }));
    first.run();
    const bench = new LeaderBench({ definition, limits: { graceMs: 1_000 } }).activate(4, first.proposed);
    bench.clock += 999;
    bench.run();
    expect(bench.actions()).not.toContain('$leave');
    bench.clock += 1;
    bench.run();
    expect(bench.actions()).toContain('$leave');
  });

  it('a session whose action waits beyond its good-bye does not stay for ever', () => {
    const definition = livelyWorld({ everyMs: 1e9 });
    const bench = new LeaderBench({ definition, limits: { graceMs: 1_000 } }).activate();
    bench.submit(bench.request('s', 1, 'open', { id: 'X' }));
    bench.run();
    bench.submit(bench.request('s', 2, 'open', { id: 'Y' }));
    bench.leader.report(0, [], ['s'], bench.clock);
    bench.run();
    expect(bench.actions().slice(-4)).toEqual(['open', '$leave', '$join', 'open']);
    bench.clock += 10_000;
    bench.run();
    bench.clock += 10_000;
    bench.run();
    expect(bench.actions().at(-1)).toBe('$leave');
  });

  it('a session that left is ended once its tokens are long dead', () => {
    const bench = new LeaderBench({
      definition: livelyWorld({ everyMs: 1e9 }),
      limits: { graceMs: 1_000, sessionIdleMs: 100_000 },
    }).activate();
    bench.submit(bench.request('s', 1, 'open', { id: 'X' }));
    bench.issue(bench.run().at(-1) ?? 0);
    for (let minute = 0; minute < 4; minute++) {
      bench.clock += 60_001;
      bench.issue(bench.run().at(-1) ?? bench.state.number);
    }
    expect(bench.actions().slice(-2)).toEqual(['$leave', '$end']);
    expect(bench.state.session('s')).toBeUndefined();
  });

  it('a new leader ends what is idle as soon as it knows who is there', () => {
    const first = new LeaderBench({ limits: { sessionIdleMs: 1_000 } }).activate(3);
    first.submit(first.request('s', 1, 'open', { id: 'X' }));
    first.issue(first.run().at(-1) ?? 0);
    const bench = new LeaderBench({ limits: { sessionIdleMs: 1_000, staleMs: 2_000 } }).activate(
      4,
      first.proposed,
    );
    bench.clock += 2_001;
    bench.run();
    expect(bench.actions()).toContain('$end');
  });

  it('sessions end as fast as a crowd of guests comes and goes', () => {
    const bench = new LeaderBench({ limits: { sessionIdleMs: 100_000 } }).activate();
    const pass = (ms: number) => {
      bench.clock += ms;
      bench.issue(bench.run().at(-1) ?? bench.state.number);
    };
    for (let guest = 1; guest <= 300; guest++) {
      bench.submit(bench.request(`guest-${guest}`, 1, 'open', { id: `X${guest}` }));
      if (guest % 50 === 0) pass(0);
    }
    expect(bench.state.sessionCount()).toBe(300);
    // Those who are still there, however long they do nothing, keep nobody from being seen.
    for (let second = 0; second < 130; second++) {
      bench.leader.report(
        0,
        Array.from({ length: 100 }, (_, guest) => `guest-${guest + 1}`),
        [],
        bench.clock,
      );
      pass(1_000);
    }
    expect(bench.state.sessionCount()).toBe(100);
  });
});
