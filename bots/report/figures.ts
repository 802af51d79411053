/** Numbers as people read them. */

export function ms(value: number): string {
  if (value >= 10_000) return `${(value / 1_000).toFixed(1)}s`;
  if (value >= 1_000) return `${(value / 1_000).toFixed(2)}s`;
  return `${value.toFixed(value < 10 ? 2 : 1)}ms`;
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-GB');
}

export function bytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} GB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} MB`;
  return `${(value / 1e3).toFixed(1)} kB`;
}

export function rate(value: number, seconds: number): string {
  const each = seconds > 0 ? value / seconds : 0;
  return `${each >= 100 ? count(each) : each.toFixed(1)}/s`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

export function list(entries: { readonly [name: string]: number }): string {
  const sorted = Object.entries(entries).sort((a, b) => b[1] - a[1]);
  return sorted.map(([name, value]) => `${name} ${count(value)}`).join(', ');
}
