import { describe, expect, it, vi } from 'vitest';
import type { Faults } from '../../server/admin/types.ts';
import { ThroughlineError } from '../../server/errors.ts';
import { FAULT_ORDERS, FAULT_PASSED_MS, LINK_NOTE_BYTES } from '../../server/limits.ts';
import { ClusterFaults, refusalOf } from '../../server/region/cluster-faults.ts';

const REGIONS = ['eu', 'us', 'ap'];

/** What a process did to itself. */
class Own implements Faults {
  readonly made: string[] = [];
  async cut(a: string, b: string) {
    this.made.push(`cut ${a} ${b}`);
  }
  async heal() {
    this.made.push('heal');
  }
  async delay(a: string, b: string, ms: number) {
    this.made.push(`delay ${a} ${b} ${ms}`);
  }
  async kill(region: string) {
    this.made.push(`kill ${region}`);
  }
  async freeze(region: string, ms: number) {
    if (ms > 1_000) throw new ThroughlineError('bad-request', 'too long');
    this.made.push(`freeze ${region} ${ms}`);
  }
}

/** Three regions; what crosses `broken` links, named like 'eu-us', is lost, and those of `away` are not linked. */
function cluster(options: { broken?: string[]; away?: string[]; strict?: string[] } = {}) {
  const { broken = [], away = [], strict = [] } = options;
  const own = REGIONS.map(() => new Own());
  const faults: ClusterFaults[] = REGIONS.map((region, self) => {
    const note = (device: number, text: string) => {
      const other = REGIONS[device] as string;
      if (broken.includes(`${region}-${other}`) || broken.includes(`${other}-${region}`)) return;
      const refusal = strict.includes(other) ? refusalOf(text) : null;
      queueMicrotask(() => {
        if (refusal !== null) faults[self]?.heard(device, refusal);
        else faults[device]?.heard(self, text);
      });
    };
    const status = () =>
      REGIONS.filter((other) => other !== region).map((other) => ({
        region: other,
        connected: !away.includes(other),
        rttMs: null,
      }));
    return new ClusterFaults(region, REGIONS, own[self] as Own, { note, status });
  });
  const [eu, us, ap] = faults as [ClusterFaults, ClusterFaults, ClusterFaults];
  return { eu, us, ap, made: () => own.map(({ made }) => made.join(', ')) };
}

describe('faults of a cluster, asked of any region', () => {
  it('are made where they belong, and done when the answer is there', async () => {
    const { eu, ap, made } = cluster();
    await eu.kill('us');
    await eu.freeze('us', 50);
    await ap.cut('eu', 'us');
    await eu.cut('us', 'eu');
    expect(made()).toEqual(['cut eu us, cut us eu', 'kill us, freeze us 50', '']);
  });

  it('a delay is made at both ends, as far as they are there', async () => {
    const { eu, made } = cluster({ away: ['us'] });
    await eu.delay('eu', 'ap', 40);
    await eu.delay('us', 'ap', 7);
    await eu.delay('eu', 'us', 9);
    expect(made()).toEqual(['delay eu ap 40, delay eu us 9', '', 'delay eu ap 40, delay us ap 7']);
  });

  it('a heal reaches everybody once, around a link that is cut', async () => {
    const { eu, made } = cluster({ broken: ['eu-us'] });
    await eu.heal();
    expect(made()[0]).toBe('heal');
    expect(made()[2]).toBe('heal');
    const whole = cluster();
    await whole.us.heal();
    expect(whole.made()).toEqual(['heal', 'heal', 'heal']);
  });

  it('tell what went wrong there', async () => {
    const { eu } = cluster();
    await expect(eu.freeze('us', 5_000)).rejects.toMatchObject({ code: 'bad-request', message: 'too long' });
  });

  it('a failure is told in a note that the link takes, however much there is to say', async () => {
    const own = new Own();
    own.freeze = () => Promise.reject(new Error('"'.repeat(10_000)));
    const told: string[] = [];
    const note = (_: number, text: string) => void told.push(text);
    const eu = new ClusterFaults('eu', REGIONS, own, { note, status: () => [] });
    eu.heard(1, '{"fault":1,"order":{"kind":"freeze","region":"eu","ms":5}}');
    await vi.waitFor(() => expect(told).toHaveLength(1));
    expect(JSON.parse(told[0] as string)).toMatchObject({ made: 1, code: 'internal' });
    expect(Buffer.byteLength(told[0] as string)).toBeLessThanOrEqual(LINK_NOTE_BYTES);
  });

  it('refuse a time that nobody could wait for, before anybody is asked', async () => {
    const { eu, made } = cluster();
    for (const ms of [Number.POSITIVE_INFINITY, Number.NaN, 60_001, -1]) {
      await expect(eu.delay('eu', 'us', ms)).rejects.toMatchObject({ code: 'bad-request' });
      await expect(eu.freeze('us', ms)).rejects.toMatchObject({ code: 'bad-request' });
    }
    expect(made()).toEqual(['', '', '']);
  });

  it('are refused while too many are on their way, and a heal of this region is done all the same', async () => {
    vi.useFakeTimers();
    const unhandled: unknown[] = [];
    const note = (error: unknown) => void unhandled.push(error);
    process.on('unhandledRejection', note);
    try {
      const own = new Own();
      const status = () => ['us', 'ap'].map((region) => ({ region, connected: true, rttMs: null }));
      // Nobody answers.
      const eu = new ClusterFaults('eu', REGIONS, own, { note: () => {}, status });
      const waiting = Array.from({ length: FAULT_ORDERS - 1 }, () => eu.freeze('us', 10));
      const outcomes = Promise.allSettled(waiting);
      const healed = eu.heal();
      await vi.advanceTimersByTimeAsync(FAULT_PASSED_MS);
      await healed;
      expect(own.made).toEqual(['heal']);
      expect(new Set((await outcomes).map(({ status: how }) => how))).toEqual(new Set(['rejected']));
    } finally {
      vi.useRealTimers();
      // They are told after this pass of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });

  it('say where to ask if nobody concerned is linked', async () => {
    const { eu, made } = cluster({ away: ['us'] });
    await expect(eu.kill('us')).rejects.toMatchObject({ code: 'no-quorum' });
    await expect(eu.kill('us')).rejects.toThrow('ask the admin port there');
    expect(made()).toEqual(['', '', '']);
  });

  it('are refused by a region that does not allow them', async () => {
    const { eu, made } = cluster({ strict: ['us'] });
    await expect(eu.kill('us')).rejects.toMatchObject({ code: 'forbidden' });
    expect(made()).toEqual(['', '', '']);
  });

  it('[EDGE1] what is no order does nothing, and gets no answer', () => {
    const { eu, made } = cluster();
    const told: string[] = [];
    const alone = new ClusterFaults('eu', REGIONS, new Own(), {
      note: (_, text) => void told.push(text),
      status: () => [],
    });
    for (const text of ['', 'null', '7', '[]', '{"fault":1}', '{"fault":1,"order":null}', '{"made":3}']) {
      eu.heard(1, text);
      alone.heard(1, text);
    }
    alone.heard(1, '{"fault":1,"order":{"kind":"delay","a":"eu","b":"us","ms":-1}}');
    alone.heard(1, '{"fault":1,"order":{"kind":"delay","a":"eu","b":"us","ms":1e999}}');
    alone.heard(1, '{"fault":1,"order":{"kind":"freeze","region":"eu","ms":60001}}');
    alone.heard(1, '{"fault":1,"order":{"kind":"boom"}}');
    expect(told).toEqual([]);
    expect(made()).toEqual(['', '', '']);
  });

  it('an answer of a region that was not asked is nobody’s', async () => {
    const told: string[] = [];
    const eu = new ClusterFaults('eu', REGIONS, new Own(), {
      note: (_, text) => void told.push(text),
      status: () => [{ region: 'us', connected: true, rttMs: null }],
    });
    let done = false;
    const killed = eu.kill('us').then(() => {
      done = true;
    });
    eu.heard(2, '{"made":1}');
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    eu.heard(1, '{"made":1}');
    await killed;
    expect(told).toHaveLength(1);
  });
});
