/** Positions from `first` to `last`, both included. */
export type Span = readonly [first: number, last: number];

/** Ascending spans of positions, as few as possible. */
export function spansOf(positions: readonly number[]): Span[] {
  const spans: [number, number][] = [];
  for (const position of positions) {
    const top = spans.at(-1);
    if (top !== undefined && top[1] === position - 1) top[1] = position;
    else spans.push([position, position]);
  }
  return spans;
}

/** `0-3,17`; `none` for nothing. */
export function printSpans(spans: readonly Span[]): string {
  if (spans.length === 0) return 'none';
  return spans.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** The opposite; undefined for what is not such a list. */
export function parseSpans(text: string): Span[] | undefined {
  if (text === 'none') return [];
  const spans: Span[] = [];
  let before = -1;
  for (const part of text.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (first <= before || last < first || !Number.isSafeInteger(last)) return undefined;
    spans.push([first, last]);
    before = last;
  }
  return spans;
}
