/** The report as one HTML file: charts drawn as SVG, nothing loaded from anywhere. Pure. */
import { textReport } from './text.ts';
import type { Report, SecondFigures } from './types.ts';

const WIDTH = 900;
const HEIGHT = 220;
const LEFT = 56;
const BOTTOM = 24;
const COLOURS = ['#2563eb', '#d97706', '#dc2626', '#6b7280'];

interface Line {
  readonly name: string;
  readonly of: (second: SecondFigures) => number;
}

export function htmlReport(report: Report): string {
  const charts = [
    chart(report, 'Latency from the moment a bot meant to act, ms', [
      { name: 'p50', of: ({ p50 }) => p50 },
      { name: 'p95', of: ({ p95 }) => p95 },
      { name: 'p99', of: ({ p99 }) => p99 },
    ]),
    chart(report, 'Acts a second', [
      { name: 'acknowledged', of: ({ issued }) => issued },
      { name: 'meant', of: ({ acts }) => acts },
      { name: 'failed', of: ({ failed }) => failed },
    ]),
    chart(report, 'Bots connected and current', [{ name: 'live', of: ({ live }) => live }]),
    chart(report, 'Kilobytes a second, down', [{ name: 'down', of: ({ bytesDown }) => bytesDown / 1_000 }]),
  ];
  const title = `Throughline load test: ${report.passed ? 'passed' : 'failed'}`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem; color: #111; background: #fff; }
h1 { color: ${report.passed ? '#15803d' : '#b91c1c'}; }
pre { overflow-x: auto; background: #f5f5f4; padding: 1rem; font-size: 12px; }
svg { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: #444; }
</style></head><body>
<h1>${title}</h1>
<p>${escaped(report.startedAt)}, ${escaped(report.target.world)} at ${escaped(report.target.urls.join(', '))}</p>
${charts.join('\n')}
<pre>${escaped(textReport(report))}</pre>
</body></html>
`;
}

function chart({ series, faults }: Report, title: string, lines: readonly Line[]): string {
  const seconds = Math.max(1, (series.at(-1)?.second ?? 0) + 1);
  const most = Math.max(1e-9, ...series.flatMap((second) => lines.map(({ of }) => of(second))));
  const x = (second: number) => LEFT + ((WIDTH - LEFT) * second) / seconds;
  const y = (value: number) => (HEIGHT - BOTTOM) * (1 - value / most) + 6;
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (part) =>
      `<path d="M${LEFT} ${y(most * part)}H${WIDTH}" stroke="#ddd"/><text x="${LEFT - 6}" y="${y(most * part) + 4}" text-anchor="end">${short(most * part)}</text>`,
  );
  const marks = faults.map(
    ({ fault, atMs }) =>
      `<path d="M${x(atMs / 1_000)} 6V${HEIGHT - BOTTOM}" stroke="#b91c1c" stroke-dasharray="3 3"/><text x="${x(atMs / 1_000) + 3}" y="16">${escaped(fault)}</text>`,
  );
  const drawn = lines.map(({ of }, at) => {
    const points = series.map((second) => `${x(second.second + 0.5).toFixed(1)},${y(of(second)).toFixed(1)}`);
    return `<polyline fill="none" stroke="${COLOURS[at]}" stroke-width="1.5" points="${points.join(' ')}"/>`;
  });
  const legend = lines.map(
    ({ name }, at) =>
      `<text x="${LEFT + 90 * at}" y="${HEIGHT - 4}" style="fill:${COLOURS[at]}">${name}</text>`,
  );
  const end = `<text x="${WIDTH}" y="${HEIGHT - 4}" text-anchor="end">${seconds} s</text>`;
  return `<h2>${title}</h2><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">${[...grid, ...marks, ...drawn, ...legend, end].join('')}</svg>`;
}

function short(value: number): string {
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)}k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(2);
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
