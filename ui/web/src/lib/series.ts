// Series of a PromQL answer: names, colours, one common grid, statistics.

export type LabelSet = Readonly<Record<string, string>>;

/** Points as the API gives them: Unix seconds and the value's text. */
export type Points = readonly (readonly [time: number, value: string])[];

export interface Grid {
  /** Unix seconds, evenly spaced. */
  readonly times: readonly number[];
  /** One column per series; `null` is a gap. */
  readonly columns: readonly (readonly (number | null)[])[];
}

export interface Statistics {
  readonly last: number | null;
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
}

/** Custom properties of the eight colours that series take. */
export const PALETTE = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6", "--series-7", "--series-8"] as const;
export type SeriesColor = (typeof PALETTE)[number];
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

/** `metric{label="value"}`; `{}` for a series without labels. */
export function seriesName(labels: LabelSet, hidden: ReadonlySet<string> = new Set()): string {
  const { __name__: name = "", ...rest } = labels;
  const pairs = Object.entries(rest)
    .filter(([label]) => !hidden.has(label))
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? name || "{}" : `${name}{${pairs.join(", ")}}`;
}

/** Labels that have the same value in every series, which a legend need not repeat. */
export function commonLabels(all: readonly LabelSet[]): ReadonlySet<string> {
  const [first, ...rest] = all;
  if (!first || rest.length === 0) {
    return new Set();
  }
  return new Set(Object.keys(first).filter((label) => label !== "__name__" && rest.every((labels) => labels[label] === first[label])));
}

/**
 * A colour and dash pattern per series: the colour follows the label set's hash, so that a series keeps it
 * between queries; while colours are free no two series share one, then dash patterns tell them apart.
 */
export function assignStyles(names: readonly string[]): readonly { readonly color: SeriesColor; readonly dash: readonly number[] }[] {
  const used: number[] = PALETTE.map(() => 0);
  return names.map((name) => {
    const least = Math.min(...used);
    let slot = hash(name) % PALETTE.length;
    while ((used[slot] ?? 0) > least) {
      slot = (slot + 1) % PALETTE.length;
    }
    const round = used[slot] ?? 0;
    used[slot] = round + 1;
    return { color: PALETTE[slot] ?? PALETTE[0], dash: DASHES[round % DASHES.length] ?? [] };
  });
}

/** Puts every series onto the grid `start, start + step, … ≤ end` (seconds); missing points are gaps. */
export function align(series: readonly Points[], start: number, end: number, step: number): Grid {
  const length = Math.max(0, Math.floor((end - start) / step + 1e-9) + 1);
  const times = Array.from({ length }, (_, index) => start + index * step);
  const columns = series.map((points) => {
    const column: (number | null)[] = new Array<number | null>(length).fill(null);
    for (const [time, text] of points) {
      const index = Math.round((time - start) / step);
      const value = parseSample(text);
      if (index >= 0 && index < length && Number.isFinite(value)) {
        column[index] = value;
      }
    }
    return column;
  });
  return { times, columns };
}

/** A sample's text as a number: `NaN`, `+Inf` and `-Inf` included. */
export function parseSample(text: string): number {
  switch (text) {
    case "+Inf":
    case "Inf":
      return Infinity;
    case "-Inf":
      return -Infinity;
    default:
      return Number(text);
  }
}

/** Last, least, greatest and mean value of a column, gaps left out. */
export function statistics(column: readonly (number | null)[]): Statistics {
  let last: number | null = null;
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let n = 0;
  for (const value of column) {
    if (value !== null) {
      last = value;
      min = Math.min(min, value);
      max = Math.max(max, value);
      sum += value;
      n += 1;
    }
  }
  return n === 0 ? { last: null, min: null, max: null, mean: null } : { last, min, max, mean: sum / n };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  }
  return state >>> 0;
}
