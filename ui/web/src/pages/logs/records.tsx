// The list of records, or the words that stand where there are none.

import { RecordDetail } from "../../components/record-detail";
import { RecordList } from "../../components/record-list";
import { plural } from "../../lib/format";
import { rangeLabel, type Span } from "../../lib/time-range";
import { FirstRecord } from "./first-record";
import { NoMatch } from "./no-match";
import type { Logs } from "./use-logs";

interface Props {
  readonly logs: Logs;
  readonly narrow: boolean;
  readonly active: string | null;
  onToggle(id: string): void;
  onTop(top: boolean): void;
}

export function Records({ logs, narrow, active, onToggle, onTop }: Props) {
  const { view, update, zone, records, search, span, tail } = logs;
  if (logs.mistake && records.length === 0) {
    return <p class="empty">Nothing to show until the mistake is corrected.</p>;
  }
  if (nothingFound(logs)) {
    return view.query === "" ? (
      <FirstRecord rangeLabel={rangeLabel(view.range, zone)} onRange={logs.setRange} onArrival={logs.again} />
    ) : (
      <NoMatch query={view.query} range={rangeLabel(view.range, zone)} onRange={logs.setRange} onClear={() => logs.begin("")} />
    );
  }
  return (
    <>
      {tail.waiting.length > 0 && (
        <button
          type="button"
          class="button primary new-records"
          onClick={() => {
            logs.showWaiting();
            update({ open: null, paused: false }, "replace");
            document.querySelector(".records")?.scrollTo({ top: 0 });
          }}
        >
          {plural(tail.waiting.length, "new record")} ↑
        </button>
      )}
      <RecordList
        records={records}
        columns={view.columns}
        open={view.open}
        active={active}
        zone={zone}
        days={!narrow && span !== null && spansDays(span)}
        tall={narrow}
        stale={logs.stale}
        waiting={search.isPending && logs.running}
        order={logs.order}
        foot={foot(logs)}
        detail={(record) => <RecordDetail record={record} columns={view.columns} onContext={logs.openContext} onFilter={logs.filter} onColumn={logs.column} />}
        onToggle={onToggle}
        onOrder={logs.toggleOrder}
        onEnd={() => {
          if (search.hasNextPage && !search.isFetching) {
            void search.fetchNextPage();
          }
        }}
        onTop={onTop}
      />
    </>
  );
}

/** An answer came, it is for what is asked now, and it is empty. */
export function nothingFound({ records, search, running, live }: Logs): boolean {
  return records.length === 0 && search.isSuccess && !search.isPlaceholderData && !running && !live;
}

function foot({ search, records, live, order, running }: Logs): string {
  if (search.isFetchingNextPage) {
    return `Fetching ${order === "newest" ? "older" : "newer"} records…`;
  }
  if (search.isPending && !running) {
    return "Stopped. Run asks again.";
  }
  if (records.length === 0) {
    return live ? "Waiting for records…" : "";
  }
  return search.hasNextPage || search.isPending ? "" : `The ${order === "newest" ? "oldest" : "newest"} record of this range`;
}

function spansDays(span: Span): boolean {
  return span.end - span.start > 86_400_000 || new Date(span.start).getDate() !== new Date(span.end).getDate();
}
