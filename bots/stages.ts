/** How many play when: `100@10s,500@30s,500@60s,0@10s`, each to so many within so long. Pure. */

export interface Stage {
  /** Bots at its end. */
  readonly to: number;
  readonly seconds: number;
}

/** When one bot comes and goes, milliseconds after the start; it stays where `leavesAt` is Infinity. */
export interface Stay {
  readonly comesAt: number;
  readonly leavesAt: number;
}

/** Throws an Error with words for the user. */
export function parseStages(text: string): Stage[] {
  const stages = text.split(',').map((part): Stage => {
    const [, to, seconds] = /^\s*([0-9]{1,6})@([0-9]{1,6}(?:\.[0-9]+)?)s?\s*$/.exec(part) ?? [];
    if (to === undefined || seconds === undefined)
      throw new Error(`stages: '${part}' is no number of bots and a time, as in 100@10s,500@30s`);
    return { to: Number(to), seconds: Number(seconds) };
  });
  if (stages.every(({ to }) => to === 0)) throw new Error('stages: somebody must come');
  return stages;
}

export const lengthOf = (stages: readonly Stage[]): number =>
  stages.reduce((sum, { seconds }) => sum + seconds, 0);

/** Everybody who ever comes, in the order of coming. Who came last leaves first; nobody comes twice. */
export function staysOf(stages: readonly Stage[]): Stay[] {
  const stays: { comesAt: number; leavesAt: number }[] = [];
  const here: number[] = [];
  let from = 0;
  for (const { to, seconds } of stages) {
    const change = to - here.length;
    const each = (seconds * 1_000) / Math.abs(change || 1);
    for (let at = 0; at < change; at++) {
      here.push(stays.length);
      stays.push({ comesAt: Math.round(from + at * each), leavesAt: Number.POSITIVE_INFINITY });
    }
    for (let at = 1; at <= -change; at++) {
      const last = stays[here.pop() as number];
      if (last !== undefined) last.leavesAt = Math.round(from + at * each);
    }
    from += seconds * 1_000;
  }
  return stays;
}

/** Seconds that all bots play together until `end` seconds after the start. */
export function playedSeconds(stays: readonly Stay[], end: number): number {
  return stays.reduce(
    (sum, { comesAt, leavesAt }) => sum + Math.max(0, Math.min(leavesAt, end * 1_000) - comesAt) / 1_000,
    0,
  );
}
