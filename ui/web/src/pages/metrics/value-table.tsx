// The values of an instant, one series a row; a native histogram opens into its buckets.

import { useState } from "preact/hooks";
import type { HistogramSample, InstantResult, VectorEntry } from "../../api/prometheus";
import { Icon } from "../../components/icon";
import { Labels } from "../../components/labels";
import { count, sample } from "../../lib/format";
import { buckets, summaryText, type Bucket } from "../../lib/native-histogram";
import { seriesName } from "../../lib/series";

/** Rows drawn at most. */
const ROWS_MAX = 1_000;
/** Bars of the small drawing at most: neighbouring buckets share one. */
const BARS_MAX = 40;
/** The small drawing; pixels. */
const DRAWING = { width: 120, height: 18 } as const;

export function ValueTable({ title, result }: { readonly title: string; readonly result: InstantResult }) {
  switch (result.resultType) {
    case "vector":
      return <Rows title={title} rows={result.result} />;
    case "matrix": {
      const rows = result.result.map((entry): VectorEntry => {
        const value = entry.values?.at(-1);
        const histogram = entry.histograms?.at(-1);
        const newer = histogram && (!value || histogram[0] > value[0]);
        return { metric: entry.metric, ...(newer ? { histogram } : value ? { value } : {}) };
      });
      return <Rows title={`${title}, last value of each range`} rows={rows} />;
    }
    default:
      return <Rows title={title} rows={[{ metric: {}, value: result.result }]} />;
  }
}

function Rows({ title, rows }: { readonly title: string; readonly rows: readonly VectorEntry[] }) {
  return (
    <section>
      <h2 class="list-title">
        {title} <small>{count(rows.length)} series</small>
      </h2>
      <table class="table values-table">
        <thead class="hidden-text">
          <tr>
            <th>Series</th>
            <th>Value</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS_MAX).map((row, index) =>
            row.histogram ? (
              <HistogramRow key={index} row={row} histogram={row.histogram[1]} />
            ) : (
              <tr key={index}>
                <Name row={row} />
                <td class="number strong">{row.value?.[1] ?? "–"}</td>
              </tr>
            ),
          )}
        </tbody>
      </table>
      {rows.length > ROWS_MAX && <p class="more">{rows.length - ROWS_MAX} more series: narrow the expression or use topk().</p>}
    </section>
  );
}

function Name({ row }: { readonly row: VectorEntry }) {
  return (
    <td class="mono">
      <b>{row.metric["__name__"]}</b> <Labels labels={row.metric} hidden={["__name__"]} />
    </td>
  );
}

function HistogramRow({ row, histogram }: { readonly row: VectorEntry; readonly histogram: HistogramSample }) {
  const [open, setOpen] = useState(false);
  const all = buckets(histogram);
  return (
    <>
      <tr>
        <Name row={row} />
        <td class="number strong">
          <button type="button" class="button quiet small histogram-toggle" aria-expanded={open} aria-label={`Buckets of ${seriesName(row.metric)}`} onClick={() => setOpen(!open)}>
            <Drawing all={all} />
            <Icon name="chevron" />
          </button>
          {summaryText(histogram)}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={2}>
            <BucketTable name={seriesName(row.metric)} all={all} />
          </td>
        </tr>
      )}
    </>
  );
}

/** The buckets side by side, as wide as each other. */
function Drawing({ all }: { readonly all: readonly Bucket[] }) {
  const each = Math.max(1, Math.ceil(all.length / BARS_MAX));
  const bars = Array.from({ length: Math.ceil(all.length / each) }, (_, index) => Math.max(...all.slice(index * each, (index + 1) * each).map((bucket) => bucket.fill)));
  const step = Math.min(8, DRAWING.width / Math.max(1, bars.length));
  return (
    <svg class="histogram-drawing" width={DRAWING.width} height={DRAWING.height} aria-hidden="true">
      {bars.map((fill, index) => {
        const tall = fill > 0 ? Math.max(1, fill * DRAWING.height) : 0;
        return <rect key={index} x={index * step} y={DRAWING.height - tall} width={Math.max(0.5, step - 1)} height={tall} />;
      })}
    </svg>
  );
}

function BucketTable({ name, all }: { readonly name: string; readonly all: readonly Bucket[] }) {
  return all.length === 0 ? (
    <p class="quiet">No bucket holds anything.</p>
  ) : (
    <table class="bucket-table">
      <caption class="hidden-text">Buckets of {name}</caption>
      <thead>
        <tr>
          <th scope="col">Bucket</th>
          <th scope="col" class="number">
            Observations
          </th>
          <th scope="col" class="number">
            Share
          </th>
          <th scope="col">
            <span class="hidden-text">Bar</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {all.map((bucket) => (
          <tr key={bucket.range}>
            <th scope="row" class="mono">
              {bucket.range}
            </th>
            <td class="number">{sample(bucket.count)}</td>
            <td class="number">{(bucket.share * 100).toFixed(1)} %</td>
            <td class="bar-cell">
              <span class="track">
                <span style={{ width: `${Math.round(bucket.fill * 1000) / 10}%` }} />
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
