// Metrics: PromQL expressions as a graph or as the values of one instant.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { NARROW, useMedia } from "../../app/browser";
import { useHotkeys } from "../../app/hotkeys";
import { useView } from "../../app/place";
import { setPreferences, usePreferences } from "../../app/preferences";
import { Icon } from "../../components/icon";
import { LegendTable } from "../../components/legend-table";
import { TimePicker } from "../../components/time-picker";
import { TimeSeriesChart } from "../../components/time-series-chart";
import type { Failure } from "../../api/client";
import { count, duration } from "../../lib/format";
import { commonLabels } from "../../lib/series";
import { absoluteRange, formatAbsolute, isRelative, resolveRange, zoomOut, type Span, type TimeRange } from "../../lib/time-range";
import { METRICS } from "../../lib/view";
import { Expression, letter } from "./expression";
import { MetricNames } from "./metric-names";
import { METRICS_KEY, SERIES_MAX, stepFor, useInstants, useRanges, useSeries } from "./use-metrics";
import { ValueTable } from "./value-table";

/** The chart's height on wide and narrow screens; pixels. */
const CHART_WIDE = 360;
const CHART_NARROW = 240;
/** Legend rows drawn at most. */
const LEGEND_MAX = 200;

/** What stands in an editor. The id is the editor's key: a new one gives the editor a new text. */
interface Draft {
  readonly id: number;
  readonly text: string;
}

let lastId = 0;
const nextId = () => (lastId += 1);

/** Drafts for the expressions of the address; editors that hold the same text already stay as they are. */
function reconcile(before: readonly Draft[], expressions: readonly string[]): readonly Draft[] {
  return expressions.map((text, index) => {
    const old = before[index];
    return old?.text === text ? old : { id: nextId(), text };
  });
}

export default function MetricsPage() {
  const [view, update] = useView("metrics", METRICS);
  const { zone } = usePreferences();
  const narrow = useMedia(NARROW);
  const client = useQueryClient();
  const [run, setRun] = useState(0);
  const [drafts, setDrafts] = useState<readonly Draft[]>(() => reconcile([], view.expressions));
  const [cursor, setCursor] = useState<number | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<string> | null>(null);
  const content = useRef<HTMLDivElement>(null);
  const width = content.current?.clientWidth ?? innerWidth;

  const address = JSON.stringify(view.expressions);
  useEffect(() => {
    setDrafts((before) => reconcile(before, view.expressions));
    setChosen(null);
  }, [address]);

  const resolved = useMemo(() => resolveRange(view.range, Date.now(), zone), [view.range.from, view.range.to, zone, run]);
  const span = resolved.ok ? resolved.span : null;
  const step = span ? stepFor(span, width, view.step) : 1;
  const asked = view.expressions.some((expr) => expr.trim() !== "");
  const ranges = useRanges(view.expressions, span, step, run, view.tab === "graph");
  const instants = useInstants(view.expressions, span?.end ?? null, run, view.tab === "table");
  const answers = view.tab === "graph" ? ranges : instants;
  const { grid, series, total } = useSeries(ranges.map((answer) => answer.data?.value.data), span, step);
  const running = answers.some((answer) => answer.isFetching);
  const hidden = useMemo(() => commonLabels(series.map((entry) => entry.labels)), [series]);
  const lines = useMemo(
    () => series.map(({ key, color, dash }) => ({ name: key, color, dash, shown: chosen === null || chosen.has(key) })),
    [series, chosen],
  );

  const start = () => {
    setRun((n) => n + 1);
    update({ expressions: drafts.map((draft) => draft.text) });
  };
  const setRange = (range: TimeRange) => {
    setRun((n) => n + 1);
    update({ range });
  };
  const zoom = (to: Span) => setRange(absoluteRange(to));
  const toggle = (key: string) =>
    setChosen((now) => {
      const next = new Set(now ?? series.map((entry) => entry.key));
      if (!next.delete(key)) {
        next.add(key);
      }
      return next.size === 0 || next.size === series.length ? null : next;
    });
  const isolate = (key: string) => setChosen((now) => (now?.size === 1 && now.has(key) ? null : new Set([key])));
  const edit = (id: number, text: string) => setDrafts((all) => all.map((draft) => (draft.id === id ? { id, text } : draft)));
  const remove = (id: number) => {
    const rest = drafts.filter((draft) => draft.id !== id);
    setDrafts(rest);
    update({ expressions: rest.map((draft) => draft.text) });
  };
  useHotkeys({ r: () => setRun((n) => n + 1) });

  const elapsed = Math.max(0, ...answers.map((answer) => answer.data?.elapsed ?? 0));
  return (
    <div class="page metrics">
      <header class="bar">
        <h1 class="hidden-text">Metrics</h1>
        <div class="expressions grow">
          {drafts.map(({ id, text }, index) => {
            const answer = answers[index];
            return (
              <Expression
                key={id}
                index={index}
                value={text}
                ran={view.expressions[index] ?? ""}
                failure={(answer?.error as Failure | null | undefined) ?? null}
                warnings={answer?.data?.value.warnings ?? []}
                infos={answer?.data?.value.infos ?? []}
                only={drafts.length === 1}
                onChange={(value) => edit(id, value)}
                onRun={start}
                onRemove={() => remove(id)}
              />
            );
          })}
        </div>
        <button type="button" class="button" title="Add an expression" onClick={() => setDrafts((all) => [...all, { id: nextId(), text: "" }])}>
          <Icon name="plus" />
          <span class="hidden-text">Add an expression</span>
        </button>
        <TimePicker range={view.range} zone={zone} onRange={setRange} onZone={(choice) => setPreferences({ zone: choice })} />
        {running ? (
          <button type="button" class="button run" onClick={() => void client.cancelQueries({ queryKey: [METRICS_KEY] })}>
            <Icon name="stop" />
            Stop
          </button>
        ) : (
          <button type="button" class="button primary run" onClick={start}>
            <Icon name="play" />
            Run
          </button>
        )}
        {running && <span class="busy-line" />}
      </header>
      <div class="notices">
        {!resolved.ok && (
          <p class="notice error" role="alert">
            {resolved.message}
          </p>
        )}
      </div>
      <main id="main" class="content" ref={content}>
        {!asked ? (
          <MetricNames
            onPick={(expr) => {
              setRun((n) => n + 1);
              update({ expressions: [expr] });
            }}
          />
        ) : (
          <>
            <div class="chart-bar">
              <div class="segments" role="group" aria-label="Show as">
                {(["graph", "table"] as const).map((tab) => (
                  <button key={tab} type="button" class="button" aria-pressed={view.tab === tab} onClick={() => update({ tab })}>
                    {tab === "graph" ? "Graph" : "Table"}
                  </button>
                ))}
              </div>
              {view.tab === "graph" && (
                <button type="button" class="button" aria-pressed={view.zero} onClick={() => update({ zero: !view.zero }, "replace")}>
                  From zero
                </button>
              )}
              {span && !isRelative(view.range) && (
                <button type="button" class="button quiet" onClick={() => zoom(zoomOut(span, Date.now()))}>
                  <Icon name="zoomOut" />
                  Zoom out
                </button>
              )}
              <span class="cost-words" role="status">
                {view.tab === "graph" && span && `${count(total)} series · ${count(grid.times.length)} points each, ${duration(step * 1000)} apart · `}
                {view.tab === "table" && span && `at ${formatAbsolute(span.end, zone)} · `}
                {running ? "running…" : duration(elapsed)}
                {total > SERIES_MAX && ` · the first ${SERIES_MAX} are drawn, narrow the expression or use topk()`}
              </span>
            </div>
            {view.tab === "graph" && span && (
              <>
                <TimeSeriesChart
                  grid={grid}
                  lines={lines}
                  span={span}
                  zone={zone}
                  zero={view.zero}
                  height={narrow ? CHART_NARROW : CHART_WIDE}
                  stale={ranges.some((answer) => answer.isPlaceholderData)}
                  onCursor={setCursor}
                  onZoom={zoom}
                  onZoomOut={() => zoom(zoomOut(span, Date.now()))}
                />
                {!running && total === 0 && ranges.some((answer) => answer.isSuccess) && (
                  <p class="nothing">Nothing in this range: the expression matches no series, or its series have no samples here.</p>
                )}
                {series.length > 0 && (
                  <LegendTable
                    hidden={hidden}
                    entries={series.slice(0, LEGEND_MAX).map((entry, index) => ({
                      ...entry,
                      dashed: entry.dash.length > 0,
                      shown: lines[index]?.shown ?? true,
                      current: cursor === null ? undefined : (grid.columns[index]?.[cursor] ?? null),
                    }))}
                    onIsolate={isolate}
                    onToggle={toggle}
                  />
                )}
              </>
            )}
            {view.tab === "table" &&
              instants.map((answer, index) => answer.data && <ValueTable key={index} title={letter(index)} result={answer.data.value.data} />)}
          </>
        )}
      </main>
    </div>
  );
}
