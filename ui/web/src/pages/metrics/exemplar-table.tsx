// Exemplars as rows: what was measured, of which series, and where the logs of its trace are.

import { useEffect, useRef } from "preact/hooks";
import { follow, logsHref } from "../../app/place";
import { Labels } from "../../components/labels";
import { traceSearch, type ExemplarMark } from "../../lib/exemplars";
import { sample } from "../../lib/format";
import { seriesName } from "../../lib/series";
import { formatAbsolute, type Zone } from "../../lib/time-range";

/** Rows drawn at most. */
const ROWS_MAX = 200;

interface Props {
  readonly marks: readonly ExemplarMark[];
  readonly chosen: number | null;
  readonly zone: Zone;
  onChoose(index: number): void;
}

export function ExemplarTable({ marks, chosen, zone, onChoose }: Props) {
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => row.current?.scrollIntoView({ block: "nearest" }), [chosen]);
  return (
    <section class="exemplars">
      <h2 class="list-title">
        Exemplars <small>{marks.length} on the graph</small>
      </h2>
      {marks.length === 0 ? (
        <p class="nothing">None in this range: the series of the expressions came without exemplars.</p>
      ) : (
        <table class="table">
          <thead>
            <tr>
              <th>Time</th>
              <th class="number">Value</th>
              <th>Exemplar</th>
              <th class="of-series">Series</th>
            </tr>
          </thead>
          <tbody>
            {marks.slice(0, ROWS_MAX).map((mark, index) => (
              <tr key={index} ref={index === chosen ? row : null} class={index === chosen ? "current" : ""} aria-current={index === chosen ? "true" : undefined}>
                <td class="when">
                  <button type="button" class="as-link" title="Show it on the graph" onClick={() => onChoose(index)}>
                    {formatAbsolute(mark.time * 1000, zone)}
                  </button>
                </td>
                <td class="number strong">{sample(mark.value)}</td>
                <td>
                  <Labels labels={mark.labels} />
                  <TraceLink mark={mark} />
                </td>
                <td class="mono of-series">{seriesName(mark.series)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {marks.length > ROWS_MAX && <p class="more">{marks.length - ROWS_MAX} more: take a shorter range.</p>}
    </section>
  );
}

function TraceLink({ mark }: { readonly mark: ExemplarMark }) {
  const search = traceSearch(mark);
  return search === null ? null : (
    <a class="as-link" href={logsHref(search.query, search.from, search.to)} onClick={follow}>
      Logs of this {search.label.replace(/[._-]?id$/i, "").toLowerCase() || "trace"}
    </a>
  );
}

/** What a mark on the graph says of itself. */
export function ExemplarTip({ mark, zone }: { readonly mark: ExemplarMark; readonly zone: Zone }) {
  return (
    <>
      <b>
        {sample(mark.value)} at {formatAbsolute(mark.time * 1000, zone)}
      </b>
      <Labels labels={mark.labels} />
      <small class="quiet">{seriesName(mark.series)}</small>
    </>
  );
}
