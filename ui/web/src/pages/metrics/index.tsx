// Metrics: PromQL expressions as a graph or as the values of one instant, what they cost, and the metrics there are.

import { useQueryClient } from "@tanstack/react-query";
import { Suspense, lazy } from "preact/compat";
import { useMemo, useRef, useState } from "preact/hooks";
import { NARROW, useMedia } from "../../app/browser";
import { useHotkeys } from "../../app/hotkeys";
import { useView } from "../../app/place";
import { setPreferences, usePreferences } from "../../app/preferences";
import { Icon } from "../../components/icon";
import { FailureNotice } from "../../components/notice";
import { SidePanel } from "../../components/side-panel";
import { TimePicker } from "../../components/time-picker";
import type { Moments } from "../../api/explain";
import type { Failure } from "../../api/client";
import { count, duration } from "../../lib/format";
import { addStats, statsWords } from "../../lib/query-stats";
import { absoluteRange, formatAbsolute, isRelative, resolveRange, zoomOut, type Span, type TimeRange } from "../../lib/time-range";
import { METRICS } from "../../lib/view";
import type { PlaceIn } from "./explain-section";
import { Expression, letter } from "./expression";
import { Graph } from "./graph";
import MetricBrowser from "./metric-browser";
import { useDrafts } from "./use-drafts";
import { METRICS_KEY, SERIES_MAX, onGrid, stepFor, useExemplars, useInstants, useRanges, useSeries } from "./use-metrics";
import { ValueTable } from "./value-table";

const ExplainSection = lazy(() => import("./explain-section"));

export default function MetricsPage() {
  const [view, update] = useView("metrics", METRICS);
  const { zone } = usePreferences();
  const narrow = useMedia(NARROW);
  const client = useQueryClient();
  const [run, setRun] = useState(0);
  const editors = useDrafts(view.expressions);
  const [lit, setLit] = useState<PlaceIn | null>(null);
  const content = useRef<HTMLDivElement>(null);
  const width = content.current?.clientWidth ?? innerWidth;

  const resolved = useMemo(() => resolveRange(view.range, Date.now(), zone), [view.range.from, view.range.to, zone, run]);
  const span = resolved.ok ? resolved.span : null;
  const step = span ? stepFor(span, width, view.step) : 1;
  const graph = view.tab === "graph";
  const asked = view.expressions.some((expr) => expr.trim() !== "");
  const ranges = useRanges(view.expressions, span, step, run, graph);
  const instants = useInstants(view.expressions, span?.end ?? null, run, !graph);
  const answers = graph ? ranges : instants;
  const exemplars = useExemplars(view.expressions, span, run, graph && view.exemplars && asked);
  const { grid, series, map, total } = useSeries(ranges.map((answer) => answer.data?.value.data), span, step);
  const running = answers.some((answer) => answer.isFetching);
  const answered = answers.some((answer) => answer.data !== undefined);
  const moments: Moments | null = span === null ? null : graph ? { ...onGrid(span, step), step } : { time: span.end / 1000 };

  const start = () => {
    setRun((n) => n + 1);
    update({ expressions: editors.drafts.map((draft) => draft.text) });
  };
  const setRange = (range: TimeRange) => {
    setRun((n) => n + 1);
    update({ range });
  };
  const zoom = (to: Span) => setRange(absoluteRange(to));
  const ask = (expr: string) => {
    setRun((n) => n + 1);
    update({ expressions: [expr] });
  };
  const browse = () => update({ browse: !view.browse }, "replace");
  useHotkeys({
    r: () => setRun((n) => n + 1),
    e: () => asked && update({ explain: !view.explain }, "replace"),
    m: browse,
    ...(view.browse ? { Escape: browse } : {}),
  });

  const elapsed = Math.max(0, ...answers.map((answer) => answer.data?.elapsed ?? 0));
  const stats = addStats(answers.map((answer) => answer.data?.value.data.stats));
  return (
    <div class="page metrics">
      <header class="bar">
        <h1 class="hidden-text">Metrics</h1>
        <div class="expressions grow">
          {editors.drafts.map(({ id, text }, index) => {
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
                lit={lit?.index === index ? lit.place : null}
                only={editors.drafts.length === 1}
                onChange={(value) => editors.edit(id, value)}
                onRun={start}
                onRemove={() => update({ expressions: editors.remove(id) })}
                onHandle={(handle) => editors.setHandle(id, handle)}
                onFocus={() => editors.setWritten(id)}
              />
            );
          })}
        </div>
        <button type="button" class="button" title="Add an expression" onClick={editors.add}>
          <Icon name="plus" />
          <span class="hidden-text">Add an expression</span>
        </button>
        {asked && (
          <button type="button" class="button" aria-expanded={view.browse} title="The metrics there are (m)" onClick={browse}>
            <Icon name="browse" />
            Browse
          </button>
        )}
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
        {exemplars.error && exemplars.error.kind !== "cancelled" && answered && <FailureNotice failure={exemplars.error} what="No exemplars." />}
      </div>
      <div class={`metrics-body${view.browse && asked ? " with-panel" : ""}`}>
        <main id="main" class="content" ref={content}>
          {!asked ? (
            span && <MetricBrowser span={span} wide={!narrow} onInsert={editors.insert} onGraph={ask} />
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
                <button
                  type="button"
                  class="button"
                  aria-expanded={view.explain}
                  aria-controls="explain"
                  title="What each part returned and cost (e)"
                  onClick={() => update({ explain: !view.explain }, "replace")}
                >
                  <Icon name="explain" />
                  Explain
                </button>
                {graph && (
                  <>
                    <button type="button" class="button" aria-pressed={view.zero} onClick={() => update({ zero: !view.zero }, "replace")}>
                      From zero
                    </button>
                    <button type="button" class="button" aria-pressed={view.exemplars} title="Single measurements with their traces" onClick={() => update({ exemplars: !view.exemplars }, "replace")}>
                      Exemplars
                    </button>
                  </>
                )}
                {span && !isRelative(view.range) && (
                  <button type="button" class="button quiet" onClick={() => zoom(zoomOut(span, Date.now()))}>
                    <Icon name="zoomOut" />
                    Zoom out
                  </button>
                )}
                <span class="cost-words" role="status">
                  {span && !graph && <span>{`at ${formatAbsolute(span.end, zone)}`}</span>}
                  {graph && answered && <span>{`${count(total)} series`}</span>}
                  {graph && answered && <span>{`${count(grid.times.length)} points each, ${duration(step * 1000)} apart`}</span>}
                  {!running && statsWords(stats).map((word) => <span key={word}>{word}</span>)}
                  {running ? <span>running…</span> : answered && <span>{`${duration(elapsed)} in all`}</span>}
                  {graph && total > SERIES_MAX && <span>{`the first ${SERIES_MAX} are drawn, narrow the expression or use topk()`}</span>}
                </span>
              </div>
              {view.explain && (
                <Suspense fallback={null}>
                  <ExplainSection expressions={view.expressions} moments={moments} run={run} onPlace={setLit} />
                </Suspense>
              )}
              {!running && !answered && <p class="nothing">Nothing to show: there was no answer.</p>}
              {graph && span && (running || answered) && (
                <Graph
                  grid={grid}
                  series={series}
                  map={map}
                  span={span}
                  zone={zone}
                  zero={view.zero}
                  narrow={narrow}
                  width={width}
                  stale={ranges.some((answer) => answer.isPlaceholderData)}
                  nothing={!running && total === 0 && ranges.some((answer) => answer.isSuccess)}
                  exemplars={view.exemplars ? (exemplars.data ?? []) : null}
                  onZoom={zoom}
                  onZoomOut={() => zoom(zoomOut(span, Date.now()))}
                />
              )}
              {!graph && instants.map((answer, index) => answer.data && <ValueTable key={index} title={letter(index)} result={answer.data.value.data} />)}
            </>
          )}
        </main>
        {view.browse && asked && span && (
          <SidePanel title="Metrics" onClose={browse}>
            <MetricBrowser span={span} wide={false} onInsert={editors.insert} onGraph={ask} />
          </SidePanel>
        )}
      </div>
    </div>
  );
}
