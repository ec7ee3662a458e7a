// The Logs page's state: what the address asks for, the answers to it, and how to ask for something else.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Cost, LogRecord } from "../../api/logs";
import { useNow } from "../../app/browser";
import { useView } from "../../app/place";
import { usePreferences } from "../../app/preferences";
import { withValues } from "../../lib/fields";
import { stack } from "../../lib/histogram";
import { toggleFilter, type FilterMode } from "../../lib/log-query";
import { givesTable } from "../../lib/pipes";
import { splitPipes } from "../../lib/query-text";
import { merge } from "../../lib/records";
import { expand, rangeOf, valuesFor, type Values } from "../../lib/saved";
import { DEFAULT_RANGE, absoluteRange, resolveRange, type Span, type TimeRange } from "../../lib/time-range";
import { CONTEXT_RECORDS, LOGS, type LogsView } from "../../lib/view";
import { ROWS, ROWS_MAX, useFields, useHistogram, useMoreValues, useRecords, useSavedSearch, useTable } from "./use-search";
import { useTail } from "./use-tail";

/** How often the histogram follows a live tail, in milliseconds. */
const LIVE_HISTOGRAM_MS = 5_000;

/** `hold` says whether something is being read that must not move; `fieldsShown` whether fields need counting. */
export function useLogs(hold: (view: LogsView) => boolean, fieldsShown: boolean) {
  const [view, update] = useView("logs", LOGS);
  const { zone } = usePreferences();
  const [run, setRun] = useState(0);
  const [more, setMore] = useState<readonly string[]>([]);
  const [rows, setRows] = useState(ROWS);

  // A link may name a saved search alone: its query takes the place of the empty one.
  const saved = useSavedSearch(view.saved);
  const awaited = view.saved !== null && view.query === "" && saved.isPending;
  useEffect(() => {
    if (saved.data && view.query === "") {
      const untouched = view.range.from === DEFAULT_RANGE.from && view.range.to === DEFAULT_RANGE.to;
      update({ query: expand(saved.data.query, valuesFor(saved.data.parameters, view.values)), range: (untouched ? rangeOf(saved.data) : null) ?? view.range }, "replace");
    }
  }, [saved.data, view.query === ""]);

  const table = useMemo(() => givesTable(view.query), [view.query]);
  const counted = useMemo(() => splitPipes(view.query)[0], [view.query]);
  const live = view.live && !table;
  const order = live ? "newest" : view.order;

  const resolved = useMemo(() => resolveRange(view.range, Date.now(), zone), [view.range.from, view.range.to, zone, run]);
  const span = resolved.ok && !awaited ? resolved.span : null;
  const tick = useNow(live ? LIVE_HISTOGRAM_MS : 0);
  const chartSpan = useMemo(() => {
    const now = live ? resolveRange(view.range, Date.now(), zone) : resolved;
    return now.ok && !awaited ? now.span : null;
  }, [resolved, live, tick, awaited]);

  const search = useRecords(view.query, span, order, !table);
  const results = useTable(view.query, span, rows, table);
  const histogram = useHistogram(counted, chartSpan, view.by, view.histogram);
  const fields = useFields(counted, span, fieldsShown);
  const values = useMoreValues(counted, span, more);
  const { tail, connection, showWaiting } = useTail(view.query, live, () => view.paused || hold(view));

  // While a mistake is corrected, or after Stop, the last good answer stays in view, dimmed.
  const good = useRef(search.data);
  good.current = search.data ?? good.current;
  const answer = good.current;
  const searched = useMemo(() => answer?.pages.flatMap((page) => page.records) ?? [], [answer]);
  const records: readonly LogRecord[] = useMemo(() => (order === "newest" ? merge(tail, searched) : searched), [tail.shown, searched, order]);
  const pages = answer?.pages ?? [];
  const bars = useMemo(() => (histogram.data ? stack(histogram.data.start, histogram.data.step, histogram.data.series, view.by) : null), [histogram.data]);
  const listed = useMemo(() => withValues(fields.data?.fields ?? [], values.data?.fields ?? []), [fields.data, values.data]);

  const failure = table ? results.error : search.error;
  const mistake = failure?.kind === "refused" ? failure : resolved.ok ? null : { message: resolved.message };
  const told = table ? (results.data ? [results.data] : []) : pages;
  const cost: Cost | null = told.at(-1)?.stats ?? null;
  const partial = [...new Set([...told, ...(histogram.data && view.histogram ? [histogram.data] : [])].flatMap((part) => part.partial))];

  const again = () => setRun((n) => n + 1);
  const ask = (query: string, patch: Partial<LogsView> = {}) => update({ query, open: null, saved: null, values: {}, ...patch });
  const setRange = (range: TimeRange) => {
    again();
    update({ range, live: view.live && range.to === "now" });
  };
  return {
    view,
    update,
    zone,
    setPaused: (paused: boolean) => update({ paused }, "replace"),
    table,
    counted,
    live,
    order,
    span,
    chartSpan,
    search,
    results,
    histogram,
    bars,
    /** `null` while they are counted for the first time. */
    fields: fields.data || fields.error ? listed : null,
    fieldsStale: fields.isPlaceholderData,
    more: useMemo(() => new Set(more), [more]),
    tail,
    connection,
    showWaiting,
    records,
    stale: search.isPlaceholderData || search.data === undefined,
    failure,
    mistake,
    cost,
    partial,
    running: awaited || (table ? results.isFetching : search.isFetching) || (histogram.isFetching && !live),
    saved: saved.data ?? null,
    savedFailure: saved.error,
    again,
    /** Runs a query as typed. */
    begin(query: string) {
      again();
      setRows(ROWS);
      const text = query.trim();
      ask(text, { sort: null, ...(text === view.query ? { saved: view.saved, values: view.values } : {}) });
    },
    filter: (field: string, value: string, mode: FilterMode) => ask(toggleFilter(view.query, field, value, mode)),
    column: (name: string) => update({ columns: view.columns.includes(name) ? view.columns.filter((other) => other !== name) : [...view.columns, name] }, "replace"),
    onlyColumn: (name: string) => update({ columns: view.columns.length === 1 && view.columns[0] === name ? [] : [name] }, "replace"),
    moreValues: (name: string) => setMore((names) => [...names.filter((other) => other !== name), name]),
    allRows: () => setRows(ROWS_MAX),
    setRange,
    zoom: (to: Span) => setRange(absoluteRange(to)),
    applyValues(given: Values) {
      if (saved.data) {
        again();
        update({ values: given, query: expand(saved.data.query, valuesFor(saved.data.parameters, given)), open: null });
      }
    },
    toggleLive() {
      again();
      update({ live: !view.live, paused: false, ...(view.live || view.range.to === "now" ? {} : { range: DEFAULT_RANGE }) });
    },
    toggleOrder: () => update({ order: view.order === "newest" ? "oldest" : "newest", open: null }),
    setPanel: (panel: LogsView["panel"]) => update({ panel, context: null }, "replace"),
    openContext: (id: string) => update({ context: { id, same: view.context?.same ?? "container", before: CONTEXT_RECORDS, after: CONTEXT_RECORDS }, panel: null }),
  };
}

export type Logs = ReturnType<typeof useLogs>;
