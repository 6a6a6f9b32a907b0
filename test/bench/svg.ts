/** A curve; x in the unit of the plot, y in that of its panel. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Curves that share a y axis, which begins at zero. */
export interface Panel {
  readonly unit: string;
  readonly lines: readonly Line[];
}

const WIDTH = 900;
const PANEL = 260;
const LEFT = 70;
const RIGHT = 20;
const TOP = 50;
const GAP = 50;
const COLORS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd'];

/** Panels below each other over one x axis. */
export function toSvg(title: string, xUnit: string, panels: readonly Panel[]): string {
  const height = TOP + panels.length * (PANEL + GAP);
  const most = Math.max(
    0,
    ...panels.flatMap(({ lines }) => lines.flatMap(({ points }) => points.map(([x]) => x))),
  );
  const xs = toTicks(most);
  const body = panels.map((panel, index) => toPanel(panel, TOP + index * (PANEL + GAP), xs, xUnit));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="${LEFT}" y="24" font-size="16">${escape(title)}</text>
${body.join('\n')}
</svg>
`;
}

function toPanel({ unit, lines }: Panel, top: number, xs: readonly number[], xUnit: string): string {
  const ys = toTicks(Math.max(0, ...lines.flatMap(({ points }) => points.map(([, y]) => y))));
  const bottom = top + PANEL;
  const toX = (x: number): string => round(LEFT + (x / (xs.at(-1) ?? 1)) * (WIDTH - LEFT - RIGHT));
  const toY = (y: number): string => round(bottom - (y / (ys.at(-1) ?? 1)) * (PANEL - 20));
  const grid = [
    ...ys.map(
      (y) =>
        `<path d="M${LEFT} ${toY(y)}H${WIDTH - RIGHT}" stroke="#ddd"/><text x="${LEFT - 8}" y="${toY(y)}" dy="4" text-anchor="end">${y}</text>`,
    ),
    ...xs.map((x) => `<text x="${toX(x)}" y="${bottom + 16}" text-anchor="middle">${x}</text>`),
    `<text x="${LEFT - 8}" y="${top + 4}" text-anchor="end" font-weight="bold">${escape(unit)}</text>`,
    `<text x="${WIDTH - RIGHT}" y="${bottom + 32}" text-anchor="end" font-weight="bold">${escape(xUnit)}</text>`,
  ];
  const curves = lines.map(({ name, points }, index) => {
    const color = COLORS[index % COLORS.length] ?? 'black';
    const path = points.filter(([, y]) => Number.isFinite(y)).map(([x, y]) => `${toX(x)},${toY(y)}`);
    const legend = `<text x="${LEFT + 10 + index * 180}" y="${top + 4}" fill="${color}">${escape(name)}</text>`;
    return `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${path.join(' ')}"/>${legend}`;
  });
  return [...grid, ...curves].join('\n');
}

/** Round numbers from zero to the first that is not below the largest value; about five of them. */
export function toTicks(largest: number): number[] {
  const most = largest > 0 ? largest : 1;
  const raw = most / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999) ?? 10) * power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
