// Logs: what was said, when, by whom. Records, or what a query with pipes makes of them; live on demand.

import { useQueryClient } from "@tanstack/react-query";
import { Suspense, lazy } from "preact/compat";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { NARROW, useMedia } from "../../app/browser";
import { useHotkeys } from "../../app/hotkeys";
import { setPreferences } from "../../app/preferences";
import { CostLine } from "../../components/cost-line";
import { FieldList } from "../../components/field-list";
import { HistogramChart } from "../../components/histogram-chart";
import { Icon } from "../../components/icon";
import { FailureNotice } from "../../components/notice";
import { QUERY_FORM, QueryField } from "../../components/query-field";
import { TimePicker } from "../../components/time-picker";
import { fieldType, splitFields } from "../../lib/fields";
import { count } from "../../lib/format";
import { LEVELS } from "../../lib/level";
import { recordsOf, type FilterMode } from "../../lib/log-query";
import { countsRecords, groupNames, pipeNamed, pipeNames } from "../../lib/pipes";
import { sourceOf } from "../../lib/records";
import { isRelative, zoomOut, type Span } from "../../lib/time-range";
import type { LogsView } from "../../lib/view";
import { ExportMenu } from "./export-menu";
import { LiveNotices } from "./live-notices";
import { Parameters } from "./parameters";
import { Records, nothingFound } from "./records";
import { Toolbar } from "./toolbar";
import { useLogs, type Logs } from "./use-logs";
import { LOGS_KEY, VALUES, valuesOf } from "./use-search";

const Result = lazy(() => import("./result"));
const ContextPanel = lazy(() => import("./context-panel"));
const SavedPanel = lazy(() => import("./saved-panel"));
const ExplainPanel = lazy(() => import("./explain-panel"));

/** Fields that every record has, beside those that were counted. */
const OWN_FIELDS = ["host", "level", "message", "stream", "_exists_"] as const;

export default function LogsPage() {
  const narrow = useMedia(NARROW);
  const client = useQueryClient();
  const [active, setActive] = useState<string | null>(null);
  const drawer = useRef<HTMLDialogElement>(null);
  const [drawerOpen, setDrawerOpen] = useState(false);
  const atTop = useRef(true);
  const logs = useLogs((view) => !atTop.current || view.open !== null || marked(), !narrow || drawerOpen);
  const { view, update, zone, table, live, span, chartSpan, records, running, failure } = logs;

  const known = useMemo(() => {
    const counted = (logs.fields ?? []).map((field) => ({ name: field.name, about: `${fieldType(field.types)} · ${count(field.records)}` }));
    return [...counted, ...OWN_FIELDS.filter((name) => !counted.some((field) => field.name === name)).map((name) => ({ name, about: "" }))];
  }, [logs.fields]);
  const values = (field: string, typed: string, signal: AbortSignal) => {
    const fixed = field === "level" ? LEVELS.map((level) => level.name) : field === "_exists_" ? known.map((entry) => entry.name) : null;
    return fixed ? Promise.resolve(fixed) : valuesOf(field, typed, span, signal);
  };

  const toggleRecord = (id: string) => {
    setActive(id);
    update({ open: view.open === id ? null : id }, "replace");
  };
  useLogKeys(logs, active, setActive, toggleRecord);
  useEffect(() => {
    if (!narrow) {
      drawer.current?.close();
    }
  }, [narrow]);

  const fieldList = (
    <FieldList
      fields={logs.fields}
      query={view.query}
      columns={view.columns}
      values={VALUES}
      more={logs.more}
      stale={logs.fieldsStale}
      onFilter={logs.filter}
      onColumn={logs.column}
      onOnlyColumn={logs.onlyColumn}
      onMore={logs.moreValues}
    />
  );
  const zoomFrom = (from: Span) => logs.zoom(zoomOut(from, Date.now()));
  const bare = !table && nothingFound(logs) && view.query === "";
  return (
    <div class="page logs">
      <header class="bar">
        <h1 class="hidden-text">Logs</h1>
        <QueryField
          query={view.query}
          mistake={logs.mistake}
          label="Log query"
          placeholder='Search: refused, service:checkout, level:<=3 | stats count() by (host)'
          fields={known}
          onRun={(query) => {
            setActive(null);
            logs.begin(query);
          }}
          onValues={values}
        />
        <TimePicker range={view.range} zone={zone} onRange={logs.setRange} onZone={(chosen) => setPreferences({ zone: chosen })} />
        <button type="button" class="button" aria-pressed={live} disabled={table} onClick={logs.toggleLive} title={table ? "A table is not live: Run asks again" : "Show records as they arrive"}>
          <Icon name="live" />
          Live
        </button>
        {live && (
          <button type="button" class="button" aria-pressed={view.paused} onClick={() => logs.setPaused(!view.paused)} title="Let new records wait">
            <Icon name={view.paused ? "play" : "pause"} />
            <span class="word">{view.paused ? "Resume" : "Pause"}</span>
          </button>
        )}
        {running && !live ? (
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
        {running && !live && <span class="busy-line" />}
      </header>
      <div class="notices">
        {logs.saved && logs.saved.parameters.length > 0 && <Parameters saved={logs.saved} values={view.values} onApply={logs.applyValues} />}
        {logs.savedFailure && <FailureNotice failure={logs.savedFailure} what={`The saved search ${view.saved ?? ""} did not come.`} />}
        {failure && failure.kind !== "refused" && failure.kind !== "cancelled" && (
          <FailureNotice failure={failure} what="No answer." onRetry={() => void (table ? logs.results : logs.search).refetch()} />
        )}
        <LiveNotices logs={logs} />
      </div>
      <div class={`logs-body${view.panel !== null || view.context !== null ? " with-panel" : ""}`}>
        {!narrow && <aside aria-label="Fields of what was found">{fieldList}</aside>}
        <main id="main">
          <Toolbar
            bars={logs.bars}
            total={logs.histogram.data?.total ?? null}
            query={view.query}
            open={view.histogram}
            by={view.by}
            splits={splitFields(logs.fields ?? [], view.by)}
            panel={view.panel}
            order={table || live ? null : logs.order}
            fieldsButton={
              narrow
                ? () => {
                    setDrawerOpen(true);
                    drawer.current?.showModal();
                  }
                : null
            }
            onFilter={logs.filter}
            onToggle={() => update({ histogram: !view.histogram }, "replace")}
            onSplit={(by) => update({ by }, "replace")}
            onOrder={logs.toggleOrder}
            onPanel={logs.setPanel}
            onZoomOut={span && !isRelative(view.range) ? () => zoomFrom(span) : null}
          >
            {span && logs.mistake === null && <ExportMenu query={{ query: view.query, ...span }} order={table ? null : logs.order} columns={table ? [] : view.columns} />}
          </Toolbar>
          {view.histogram && chartSpan && !bare && (
            <HistogramChart
              bars={logs.bars}
              span={chartSpan}
              zone={zone}
              stale={logs.histogram.isPlaceholderData && !live}
              onZoom={logs.zoom}
              onZoomOut={() => zoomFrom(chartSpan)}
            />
          )}
          {table ? (
            <Suspense fallback={<Waiting />}>
              {logs.results.data ? (
                <Result
                  table={logs.results.data}
                  groups={groupNames(view.query)}
                  ordered={pipeNames(view.query).some((name) => pipeNamed(name)?.name === "sort")}
                  show={view.show}
                  measure={view.measure}
                  sort={view.sort}
                  zone={zone}
                  stale={logs.results.isPlaceholderData || failure !== null}
                  onShow={(show) => update({ show }, "replace")}
                  onMeasure={(measure) => update({ measure }, "replace")}
                  onSort={(sort) => update({ sort }, "replace")}
                  onZoom={logs.zoom}
                  onZoomOut={() => span && zoomFrom(span)}
                  onRecords={countsRecords(view.query) ? (keys) => logs.begin(recordsOf(view.query, keys)) : null}
                  onAll={logs.allRows}
                />
              ) : logs.mistake ? (
                <p class="empty">Nothing to show until the mistake is corrected.</p>
              ) : running ? (
                <Waiting />
              ) : (
                <p class="empty">{failure && failure.kind !== "cancelled" ? "Nothing to show: there was no answer." : "Stopped. Run asks again."}</p>
              )}
            </Suspense>
          ) : (
            <Records
              logs={logs}
              narrow={narrow}
              active={active}
              onToggle={toggleRecord}
              onTop={(top) => {
                atTop.current = top;
              }}
            />
          )}
          <CostLine
            loaded={table ? (logs.results.data?.rows.length ?? 0) : records.length}
            total={!table && logs.counted === view.query && view.histogram && !logs.histogram.isPlaceholderData ? (logs.histogram.data?.total ?? null) : null}
            noun={table ? "row" : "record"}
            cost={logs.cost}
            partial={logs.partial}
            running={running}
          />
        </main>
        <Suspense fallback={null}>
          <Panel logs={logs} />
        </Suspense>
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

/** What is open beside the records. */
function Panel({ logs }: { readonly logs: Logs }) {
  const { view, update } = logs;
  const close = () => update({ panel: null, context: null }, "replace");
  if (view.context) {
    return (
      <ContextPanel
        view={view.context}
        zone={logs.zone}
        columns={view.columns}
        onChange={(context) => update({ context }, "replace")}
        onFilter={logs.filter}
        onColumn={logs.column}
        onClose={close}
      />
    );
  }
  switch (view.panel) {
    case "saved":
      return (
        <SavedPanel
          query={view.query}
          range={view.range}
          current={view.saved}
          onSaved={(saved) => update({ saved: saved.name, values: {}, query: "", panel: "saved" })}
          onClose={close}
        />
      );
    case "explain":
      return <ExplainPanel query={view.query} onClose={close} />;
    default:
      return null;
  }
}

function Waiting() {
  return (
    <div class="skeleton rows result" role="status">
      <span class="hidden-text">The answer is on its way</span>
      {Array.from({ length: 16 }, (_, index) => (
        <i key={index} style={{ width: `${30 + ((index * 37) % 60)}%` }} />
      ))}
    </div>
  );
}

/** The page's own shortcuts. */
function useLogKeys(logs: Logs, active: string | null, setActive: (id: string | null) => void, toggleRecord: (id: string) => void): void {
  const { view, update, records } = logs;
  const move = (by: number) => {
    const index = records.findIndex((record) => record.id === active);
    setActive(records[Math.min(records.length - 1, Math.max(0, index + by))]?.id ?? null);
  };
  const filterActive = (mode: FilterMode) => {
    const pair = document.activeElement?.closest<HTMLElement>("[data-field]");
    const record = records.find((entry) => entry.id === active);
    if (pair) {
      logs.filter(pair.dataset["field"] ?? "", pair.dataset["value"] ?? "", mode);
    } else if (record) {
      const { field, value } = sourceOf(record);
      logs.filter(field, value, mode);
    }
  };
  const leave = () => {
    const next: Partial<LogsView> | null = view.context !== null || view.panel !== null ? { context: null, panel: null } : view.open !== null ? { open: null } : null;
    if (next) {
      update(next, "replace");
    } else {
      setActive(null);
    }
  };
  const opening = () => active !== null && toggleRecord(active);
  useHotkeys({
    j: () => move(1),
    k: () => move(-1),
    e: opening,
    Enter: opening,
    Escape: leave,
    c: () => {
      const id = active ?? view.open;
      if (id !== null) {
        logs.openContext(id);
      }
    },
    f: () => filterActive("include"),
    x: () => filterActive("exclude"),
    l: () => !logs.table && logs.toggleLive(),
    o: () => !logs.table && !logs.live && logs.toggleOrder(),
    p: () => logs.live && logs.setPaused(!view.paused),
    s: () => logs.setPanel(view.panel === "saved" ? null : "saved"),
    r: logs.again,
  });
}

/** The reader is marking text. */
function marked(): boolean {
  return getSelection()?.isCollapsed === false;
}
