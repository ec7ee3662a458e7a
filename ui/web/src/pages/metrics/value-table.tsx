// The values of an instant, one series a row.

import type { HistogramSample, InstantResult, VectorEntry } from "../../api/prometheus";
import { Labels } from "../../components/labels";
import { count } from "../../lib/format";

/** Rows drawn at most. */
const ROWS_MAX = 1_000;

export function ValueTable({ title, result }: { readonly title: string; readonly result: InstantResult }) {
  switch (result.resultType) {
    case "vector":
      return <Rows title={title} rows={result.result} />;
    case "matrix": {
      const rows = result.result.map((entry): VectorEntry => {
        const last = entry.values?.at(-1);
        return { metric: entry.metric, ...(last ? { value: last } : {}) };
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
        <tbody>
          {rows.slice(0, ROWS_MAX).map((row, index) => (
            <tr key={index}>
              <td class="mono">
                <b>{row.metric["__name__"]}</b> <Labels labels={row.metric} hidden={["__name__"]} />
              </td>
              <td class="number strong">{row.value ? row.value[1] : row.histogram ? histogramText(row.histogram[1]) : "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS_MAX && <p class="more">{rows.length - ROWS_MAX} more series: narrow the expression or use topk().</p>}
    </section>
  );
}

function histogramText(histogram: HistogramSample): string {
  return `count ${histogram.count}, sum ${histogram.sum}`;
}
