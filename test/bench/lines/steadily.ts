/** One thing so many times a second, in groups of one turn; what a busy turn missed is made good in the next. */
export interface PublishOrder {
  readonly bytes: number;
  /** Groups a second, and frames in a group. */
  readonly perSecond: number;
  readonly group: number;
}

export function publishSteadily({ perSecond, group }: PublishOrder, publish: () => void): void {
  const from = performance.now();
  let done = 0;
  setInterval(() => {
    const due = ((performance.now() - from) / 1_000) * perSecond;
    for (; done < due; done++) for (let i = 0; i < group; i++) publish();
  }, 2);
}
