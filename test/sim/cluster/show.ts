import type { Parcel } from '../check/checker.ts';

/** One line per event, one column per device. */
export function columns(time: string, what: string, cells: readonly string[]): string {
  const padded = cells.map((cell) => cell.padEnd(18));
  return `${time.padStart(10)} ${what.slice(0, 72).padEnd(72)} | ${padded.join('| ')}`;
}

/** A message without its payload. */
export function describe({ from, to, message }: Parcel): string {
  const detail = JSON.stringify(message, (key, value: unknown) =>
    key === 'kind' || key === 'bytes' ? undefined : value,
  );
  return `${from}>${to} ${message.kind} ${detail.replaceAll('"', '')}`;
}
