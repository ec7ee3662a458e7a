// Counts over time, stacked by level or another field, with a table of the same for screen readers. Drag zooms in, double-click zooms out.

import { useEffect, useMemo, useRef } from "preact/hooks";
import { compact, count, monthDay, sample, timeOfDay } from "../lib/format";
import { barAt, brushed, layerTotal, type Bars } from "../lib/histogram";
import { PALETTE } from "../lib/series";
import { formatAbsolute, type Span, type Zone } from "../lib/time-range";
import { readColors } from "./colors";
import { canvasContext, drawTimeAxis, useBrush, useThemeCount, useWidth } from "./drawing";

interface Props {
  readonly bars: Bars | null;
  /** The span of the whole drawing, which may begin inside the first bar. */
  readonly span: Span;
  readonly zone: Zone;
  /** The drawing is of an older question. */
  readonly stale: boolean;
  /** Of the drawing with its axis; pixels. */
  readonly height?: number;
  onZoom(span: Span): void;
  onZoomOut(): void;
}

/** Left of the bars, for the count's axis; pixels. */
const GUTTER = 44;
const AXIS = 18;
const HEIGHT = 92;
const TONES = ["--critical", "--error", "--warn", "--notice", "--info", "--debug", "--line", "--line-strong", "--ink-3", "--ember", ...PALETTE] as const;

export function HistogramChart({ bars, span, zone, stale, height = HEIGHT, onZoom, onZoomOut }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const theme = useThemeCount();
  const { hover: pointer, brush, handlers } = useBrush(box, width, GUTTER, (shares) => bars && onZoom(brushed(bars, span, ...shares)));
  const hover = pointer && bars ? barAt(bars, span, pointer.share) : null;

  useEffect(() => {
    if (canvas.current && width > GUTTER) {
      draw(canvas.current, width, height, bars, span, zone, hover);
    }
  }, [width, height, bars, span.start, span.end, zone, hover, theme]);

  const summary = useMemo(() => describe(bars), [bars]);

  return (
    <div
      ref={box}
      class={`histogram${stale ? " stale" : ""}`}
      style={{ height: `${height + 4}px` }}
      {...handlers}
      onDblClick={onZoomOut}
    >
      <canvas ref={canvas} role="img" aria-label={summary} />
      {brush && <div class="brush" style={{ left: `${brush.left}px`, width: `${brush.width}px`, height: `${height - AXIS}px` }} />}
      {hover !== null && bars && <Tip bars={bars} index={hover} span={span} zone={zone} width={width} />}
      {bars && <Spoken bars={bars} zone={zone} />}
    </div>
  );
}

/** The bars as a table that is not drawn: only bars that have something, so that reading it takes no longer than it must. */
function Spoken({ bars, zone }: { readonly bars: Bars; readonly zone: Zone }) {
  const rows = useMemo(() => bars.totals.map((total, index) => ({ total, index })).filter(({ total }) => total > 0), [bars]);
  return (
    <div class="hidden-text">
      <table>
        <caption>Records over time</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">Records</th>
            {bars.layers.map((layer) => (
              <th key={layer.name} scope="col">
                {layer.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ total, index }) => (
            <tr key={index}>
              <th scope="row">{formatAbsolute(bars.start + index * bars.step, zone)}</th>
              <td>{sample(total)}</td>
              {bars.layers.map((layer) => (
                <td key={layer.name}>{sample(layer.counts[index] ?? 0)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Tip({ bars, index, span, zone, width }: { readonly bars: Bars; readonly index: number; readonly span: Span; readonly zone: Zone; readonly width: number }) {
  const start = bars.start + index * bars.step;
  const x = GUTTER + ((start - span.start) / (span.end - span.start)) * (width - GUTTER);
  const side = x > width / 2 ? { right: `${width - x + 8}px` } : { left: `${x + 24}px` };
  const short = (ms: number) => timeOfDay(ms, zone).slice(0, 8);
  return (
    <div class="tip" style={side} aria-hidden="true">
      <b>
        {bars.step >= 86_400_000 ? monthDay(start, zone) : `${short(start)} – ${short(start + bars.step)}`}
      </b>
      {bars.layers
        .filter((layer) => (layer.counts[index] ?? 0) > 0)
        .map((layer) => (
          <span key={layer.name}>
            <i style={{ background: `var(${layer.tone})` }} />
            <span class="name">{layer.name}</span>
            <span class="mono">{sample(layer.counts[index] ?? 0)}</span>
          </span>
        ))}
      {(bars.totals[index] ?? 0) === 0 && <span>no records</span>}
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, width: number, height: number, bars: Bars | null, span: Span, zone: Zone, hover: number | null): void {
  const context = canvasContext(canvas, width, height);
  if (!context) {
    return;
  }
  const colors = readColors(canvas.parentElement ?? document.body, TONES);
  const floor = height - AXIS;
  const plot = width - GUTTER;
  const x = (time: number) => GUTTER + ((time - span.start) / (span.end - span.start)) * plot;
  const top = axisTop(bars?.peak ?? 1);
  const y = (value: number) => floor - (value / top) * (floor - 10);

  context.textAlign = "right";
  for (const value of bars ? [0, top / 2, top] : [0]) {
    context.fillStyle = value === 0 ? colors["--line-strong"] : colors["--line"];
    context.fillRect(GUTTER, Math.round(y(value)), plot, 1);
    if (Number.isInteger(value) && value > 0) {
      context.fillStyle = colors["--ink-3"];
      context.fillText(compact(value), GUTTER - 8, y(value) + 0.5);
    }
  }
  drawTimeAxis(context, { span, zone, gutter: GUTTER, width, floor }, colors);
  if (!bars) {
    return;
  }
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, plot, floor);
  context.clip();
  bars.totals.forEach((_, index) => {
    const left = Math.round(x(bars.start + index * bars.step));
    const right = Math.round(x(bars.start + (index + 1) * bars.step));
    const gap = right - left > 4 ? 1 : 0;
    if (index === hover) {
      context.fillStyle = colors["--line"];
      context.fillRect(left, 0, right - left, floor);
    }
    let sum = 0;
    for (const layer of bars.layers) {
      const value = layer.counts[index] ?? 0;
      if (value > 0) {
        const bottom = y(sum);
        sum += value;
        // A single error among thousands still shows as one pixel.
        const tall = Math.max(1, bottom - y(sum));
        context.fillStyle = colors[layer.tone as (typeof TONES)[number]] ?? colors["--info"];
        context.fillRect(left, bottom - tall, Math.max(1, right - left - gap), tall);
      }
    }
  });
  context.restore();
}

/** The least round number that holds the peak. */
function axisTop(peak: number): number {
  const power = 10 ** Math.floor(Math.log10(peak));
  const lead = [1, 2, 4, 6, 8, 10].find((step) => step * power >= peak) ?? 10;
  return Math.max(2, lead * power);
}

function describe(bars: Bars | null): string {
  if (!bars) {
    return "Records over time: loading";
  }
  const parts = bars.layers.map((layer) => `${count(layerTotal(layer))} ${layer.name}`);
  return `Records over time in ${bars.totals.length} bars: ${parts.join(", ") || "none"}`;
}
