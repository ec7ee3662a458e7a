// Logs: what was said, when, by whom. The newest first; live on demand.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { LogRecord } from "../../api/logs";
import { NARROW, useMedia, useNow } from "../../app/browser";
import { useHotkeys } from "../../app/hotkeys";
import { follow, logsHref, useView } from "../../app/place";
import { setPreferences, usePreferences } from "../../app/preferences";
import { CostLine } from "../../components/cost-line";
import { FieldList } from "../../components/field-list";
import { HistogramChart } from "../../components/histogram-chart";
import { Icon } from "../../components/icon";
import { Notice, FailureNotice } from "../../components/notice";
import { QUERY_FORM, QueryField } from "../../components/query-field";
import { RecordDetail } from "../../components/record-detail";
import { RecordList } from "../../components/record-list";
import { TimePicker } from "../../components/time-picker";
import { plural } from "../../lib/format";
import { stack } from "../../lib/histogram";
import { condition, toggleFilter, type FilterMode } from "../../lib/log-query";
import { merge, sourceOf } from "../../lib/records";
import { DEFAULT_RANGE, absoluteRange, isRelative, rangeLabel, resolveRange, zoomOut, type Span, type TimeRange } from "../../lib/time-range";
import { LOGS } from "../../lib/view";
import { FirstRecord } from "./first-record";
import { LevelSummary } from "./level-summary";
import { LOGS_KEY, useFields, useHistogram, useRecords } from "./use-search";
import { useTail } from "./use-tail";

/** How often the histogram follows a live tail, in milliseconds. */
const LIVE_HISTOGRAM_MS = 5_000;
/** Around a record: this much before and after, in milliseconds. */
const AROUND_MS = 60_000;

export default function LogsPage() {
  const [view, update] = useView("logs", LOGS);
  const { zone } = usePreferences();
  const narrow = useMedia(NARROW);
  const client = useQueryClient();
  const [run, setRun] = useState(0);
  const [active, setActive] = useState<string | null>(null);
  const drawer = useRef<HTMLDialogElement>(null);
  const [drawerOpen, setDrawerOpen] = useState(false);
  const atTop = useRef(true);

  const resolved = useMemo(() => resolveRange(view.range, Date.now(), zone), [view.range.from, view.range.to, zone, run]);
  const span = resolved.ok ? resolved.span : null;
  const tick = useNow(view.live ? LIVE_HISTOGRAM_MS : 0);
  const chartSpan = useMemo(() => {
    const live = view.live ? resolveRange(view.range, Date.now(), zone) : resolved;
    return live.ok ? live.span : null;
  }, [resolved, view.live, tick]);

  const search = useRecords(view.query, span);
  const bars = useHistogram(view.query, chartSpan, view.histogram);
  const fields = useFields(view.query, span, !narrow || drawerOpen);
  const { tail, connection, showWaiting } = useTail(view.query, view.live, () => !atTop.current || view.open !== null || marked());

  // While a mistake is corrected, or after Stop, the last good answer stays in view, dimmed.
  const good = useRef(search.data);
  good.current = search.data ?? good.current;
  const answer = good.current;
  const stale = search.isPlaceholderData || search.data === undefined;
  const searched = useMemo(() => answer?.pages.flatMap((page) => page.records) ?? [], [answer]);
  const records = useMemo(() => merge(tail, searched), [tail.shown, searched]);
  const pages = answer?.pages ?? [];
  const cost = pages.at(-1)?.stats ?? null;
  const partial = [...new Set([...pages.flatMap((page) => page.partial), ...(bars.data?.partial ?? [])])];
  const running = search.isFetching || (bars.isFetching && !view.live);
  const stacked = useMemo(() => (bars.data ? stack(bars.data.start, bars.data.step, bars.data.series) : null), [bars.data]);

  const failure = search.error;
  const mistake = failure?.kind === "refused" ? failure : resolved.ok ? null : { message: resolved.message };
  const begin = (query: string) => {
    setRun((n) => n + 1);
    setActive(null);
    update({ query: query.trim(), open: null });
  };
  const filter = (field: string, value: string, mode: FilterMode) => update({ query: toggleFilter(view.query, field, value, mode), open: null });
  const column = (name: string) =>
    update({ columns: view.columns.includes(name) ? view.columns.filter((other) => other !== name) : [...view.columns, name] }, "replace");
  const setRange = (range: TimeRange) => {
    setRun((n) => n + 1);
    update({ range, live: view.live && range.to === "now" });
  };
  const zoom = (to: Span) => setRange(absoluteRange(to));
  const toggleLive = () => {
    setRun((n) => n + 1);
    update({ live: !view.live, ...(view.live || view.range.to === "now" ? {} : { range: DEFAULT_RANGE }) });
  };
  const toggleRecord = (id: string) => {
    setActive(id);
    update({ open: view.open === id ? null : id }, "replace");
  };
  const move = (by: number) => {
    const index = records.findIndex((record) => record.id === active);
    setActive(records[Math.min(records.length - 1, Math.max(0, index + by))]?.id ?? null);
  };
  const filterActive = (mode: FilterMode) => {
    const pair = document.activeElement?.closest<HTMLElement>("[data-field]");
    const record = records.find((entry) => entry.id === active);
    if (pair) {
      filter(pair.dataset["field"] ?? "", pair.dataset["value"] ?? "", mode);
    } else if (record) {
      const { field, value } = sourceOf(record);
      filter(field, value, mode);
    }
  };
  useHotkeys({
    j: () => move(1),
    k: () => move(-1),
    e: () => active !== null && toggleRecord(active),
    f: () => filterActive("include"),
    x: () => filterActive("exclude"),
    l: toggleLive,
    r: () => setRun((n) => n + 1),
  });
  useEffect(() => {
    if (!narrow) {
      drawer.current?.close();
    }
  }, [narrow]);

  const fieldList = (
    <FieldList fields={fields.data?.fields ?? (fields.error ? [] : null)} query={view.query} columns={view.columns} onFilter={filter} onColumn={column} />
  );
  const nothing = records.length === 0 && search.isSuccess && !search.isPlaceholderData && !running;
  return (
    <div class="page logs">
      <header class="bar">
        <QueryField query={view.query} mistake={mistake} label="Log query" placeholder='Search: refused, service:checkout, level:<=3, "exact words"' onRun={begin} />
        <TimePicker range={view.range} zone={zone} onRange={setRange} onZone={(chosen) => setPreferences({ zone: chosen })} />
        <button type="button" class="button" aria-pressed={view.live} onClick={toggleLive} title="Show records as they arrive">
          <Icon name="live" />
          Live
        </button>
        {running && !view.live ? (
          <button type="button" class="button run" onClick={() => void client.cancelQueries({ queryKey: [LOGS_KEY] })}>
            <Icon name="stop" />
            Stop
          </button>
        ) : (
          <button type="submit" form={QUERY_FORM} class="button primary run">
            <Icon name="play" />
            Run
          </button>
        )}
        {running && !view.live && <span class="busy-line" />}
      </header>
      <div class="notices">
        {failure && failure.kind !== "refused" && failure.kind !== "cancelled" && <FailureNotice failure={failure} what="No answer." onRetry={() => void search.refetch()} />}
        {connection === "interrupted" && <Notice severity="warning">The live tail was interrupted and is being resumed. Run again to fetch what arrived meanwhile.</Notice>}
        {tail.lost > 0 && <Notice severity="warning">{plural(tail.lost, "record")} came faster than this page shows them; they are stored, Run finds them.</Notice>}
      </div>
      <div class="logs-body">
        {!narrow && <aside>{fieldList}</aside>}
        <main id="main">
          <LevelSummary
            histogram={bars.data ?? null}
            query={view.query}
            open={view.histogram}
            fieldsButton={
              narrow
                ? () => {
                    setDrawerOpen(true);
                    drawer.current?.showModal();
                  }
                : null
            }
            onFilter={filter}
            onToggle={() => update({ histogram: !view.histogram }, "replace")}
            onZoomOut={span && !isRelative(view.range) ? () => zoom(zoomOut(span, Date.now())) : null}
          />
          {view.histogram && chartSpan && !(nothing && view.query === "" && !view.live) && (
            <HistogramChart
              bars={stacked}
              span={chartSpan}
              zone={zone}
              stale={bars.isPlaceholderData && !view.live}
              onZoom={zoom}
              onZoomOut={() => zoom(zoomOut(chartSpan, Date.now()))}
            />
          )}
          {tail.waiting.length > 0 && (
            <button
              type="button"
              class="button primary new-records"
              onClick={() => {
                showWaiting();
                update({ open: null }, "replace");
                document.querySelector(".records")?.scrollTo({ top: 0 });
              }}
            >
              {plural(tail.waiting.length, "new record")} ↑
            </button>
          )}
          {mistake && records.length === 0 ? (
            <p class="empty">Nothing to show until the mistake is corrected.</p>
          ) : nothing && !view.live ? (
            view.query === "" ? (
              <FirstRecord rangeLabel={rangeLabel(view.range, zone)} onRange={setRange} onArrival={() => setRun((n) => n + 1)} />
            ) : (
              <NoMatch query={view.query} range={rangeLabel(view.range, zone)} onRange={setRange} onClear={() => begin("")} />
            )
          ) : (
            <RecordList
              records={records}
              columns={view.columns}
              open={view.open}
              active={active}
              zone={zone}
              days={!narrow && span !== null && spansDays(span)}
              tall={narrow}
              stale={stale}
              foot={foot(search.hasNextPage, search.isFetchingNextPage, search.isPending && !running, records.length, view.live)}
              detail={(record) => (
                <RecordDetail record={record} columns={view.columns} aroundHref={around(record)} onFollow={follow} onFilter={filter} onColumn={column} />
              )}
              onToggle={toggleRecord}
              onEnd={() => {
                if (search.hasNextPage && !search.isFetching) {
                  void search.fetchNextPage();
                }
              }}
              onTop={(top) => {
                atTop.current = top;
              }}
            />
          )}
          <CostLine loaded={records.length} total={view.histogram && !bars.isPlaceholderData ? (bars.data?.total ?? null) : null} cost={cost} partial={partial} running={running} />
        </main>
      </div>
      <dialog ref={drawer} class="drawer" aria-label="Fields" onClose={() => setDrawerOpen(false)}>
        <button type="button" class="button quiet close" aria-label="Close the fields" onClick={() => drawer.current?.close()}>
          <Icon name="close" />
        </button>
        {drawerOpen && fieldList}
      </dialog>
    </div>
  );
}

function NoMatch(props: { readonly query: string; readonly range: string; onRange(range: TimeRange): void; onClear(): void }) {
  return (
    <div class="empty">
      <h1>No record matches</h1>
      <p>
        <code>{props.query}</code> found nothing: {props.range.toLowerCase()}. Words between spaces must all occur; <code>OR</code> asks for either, <code>*</code> stands for any letters.
      </p>
      <p>
        <button type="button" class="button small" onClick={() => props.onRange({ from: "now-24h", to: "now" })}>
          Last 24 hours
        </button>{" "}
        <button type="button" class="button small" onClick={() => props.onRange({ from: "now-7d", to: "now" })}>
          Last 7 days
        </button>{" "}
        <button type="button" class="button small" onClick={props.onClear}>
          All records
        </button>
      </p>
    </div>
  );
}

function foot(more: boolean, fetching: boolean, stopped: boolean, loaded: number, live: boolean) {
  if (fetching) {
    return "Fetching older records…";
  }
  if (stopped) {
    return "Stopped. Run asks again.";
  }
  return more || loaded === 0 ? (live && loaded === 0 ? "Waiting for records…" : "") : "The oldest record of this range";
}

function around(record: LogRecord): string {
  const time = Date.parse(record.time);
  return logsHref(condition("host", record.host, "include"), String(time - AROUND_MS), String(time + AROUND_MS), record.id);
}

function spansDays(span: Span): boolean {
  return span.end - span.start > 86_400_000 || new Date(span.start).getDate() !== new Date(span.end).getDate();
}

/** The reader is marking text. */
function marked(): boolean {
  return getSelection()?.isCollapsed === false;
}
