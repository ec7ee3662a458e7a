// What was logged around a record, in the order it happened: by the same container, host or stream, or by anyone.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Failure } from "../../api/client";
import type { LogRecord } from "../../api/logs";
import { Icon } from "../../components/icon";
import { FailureNotice } from "../../components/notice";
import { RecordDetail } from "../../components/record-detail";
import { SidePanel } from "../../components/side-panel";
import { duration, plural, timeOfDay } from "../../lib/format";
import { levelOf } from "../../lib/level";
import type { FilterMode } from "../../lib/log-query";
import { LINE_MAX, lineOf, sourceOf } from "../../lib/records";
import type { Zone } from "../../lib/time-range";
import { CONTEXT_RECORDS_MAX, type ContextView } from "../../lib/view";
import { useContext } from "./use-search";

/** More records that one click asks for, on one side. */
const STEP = 20;
const SAMES = ["container", "host", "stream", "any"] as const;
const SAME_WORDS: Readonly<Record<string, string>> = { container: "Same container", host: "Same host", stream: "Same stream", any: "All records" };

interface Props {
  readonly view: ContextView;
  readonly zone: Zone;
  readonly columns: readonly string[];
  onChange(view: ContextView): void;
  onFilter(field: string, value: string, mode: FilterMode): void;
  onColumn(field: string): void;
  onClose(): void;
}

export default function ContextPanel({ view, zone, columns, onChange, onFilter, onColumn, onClose }: Props) {
  const answer = useContext(view);
  const [open, setOpen] = useState<string | null>(null);
  const middle = useRef<HTMLLIElement>(null);
  const data = answer.data;
  // The record itself comes into view when another is asked for, not when there is more around it.
  useEffect(() => middle.current?.scrollIntoView({ block: "center" }), [data?.record.id, view.same]);

  const row = (record: LogRecord, itself: boolean) => (
    <ContextRow
      key={record.id}
      record={record}
      itself={itself}
      zone={zone}
      open={record.id === open}
      source={view.same !== "container"}
      refer={itself ? middle : null}
      onToggle={() => setOpen(record.id === open ? null : record.id)}
    >
      <RecordDetail record={record} columns={columns} onFilter={onFilter} onColumn={onColumn} onContext={(id) => onChange({ ...view, id })} />
    </ContextRow>
  );
  return (
    <SidePanel title="Context" onClose={onClose}>
      <div class="panel-tools">
        <label>
          <span class="hidden-text">What the records have in common</span>
          <select class="input" value={view.same} onInput={(event) => onChange({ ...view, same: event.currentTarget.value })}>
            {[...new Set([...SAMES, view.same])].map((same) => (
              <option key={same} value={same}>
                {SAME_WORDS[same] ?? `Same ${same}`}
              </option>
            ))}
          </select>
        </label>
        <span class="quiet" role="status">
          {answer.isFetching ? "asking…" : data ? `${plural(data.before.length + data.after.length, "record")} around · ${duration(data.stats.elapsed_ms)}` : ""}
        </span>
      </div>
      {data && data.same.length > 0 && (
        <p class="panel-tools mono same">
          {data.same.map(({ field, value }) => (
            <span key={field} title={value}>
              {field}: {value}
            </span>
          ))}
        </p>
      )}
      {data && data.partial.length > 0 && <p class="notice warning">Missing: {data.partial.join("; ")}</p>}
      <div class="context-list" tabIndex={0} role="region" aria-label="Surrounding records" aria-busy={answer.isPending}>
        {answer.error && <FailureNotice failure={answer.error as Failure} what="No context." onRetry={() => void answer.refetch()} />}
        {answer.isPending && <Skeleton />}
        {data && (
          <>
            <More side="before" shown={data.before.length} asked={view.before} onMore={(before) => onChange({ ...view, before })} />
            <ol class={answer.isPlaceholderData ? "stale" : ""}>
              {data.before.map((record) => row(record, false))}
              {row(data.record, true)}
              {data.after.map((record) => row(record, false))}
            </ol>
            <More side="after" shown={data.after.length} asked={view.after} onMore={(after) => onChange({ ...view, after })} />
          </>
        )}
      </div>
    </SidePanel>
  );
}

function More({ side, shown, asked, onMore }: { readonly side: "before" | "after"; readonly shown: number; readonly asked: number; onMore(records: number): void }) {
  if (shown < asked) {
    return <p class="quiet edge">Nothing {side === "before" ? "earlier" : "later"}.</p>;
  }
  return asked >= CONTEXT_RECORDS_MAX ? (
    <p class="quiet edge">{plural(CONTEXT_RECORDS_MAX, "record")} is the most.</p>
  ) : (
    <button type="button" class="button small edge" onClick={() => onMore(Math.min(CONTEXT_RECORDS_MAX, asked + STEP))}>
      {STEP} more {side}
    </button>
  );
}

interface RowProps {
  readonly record: LogRecord;
  readonly itself: boolean;
  readonly zone: Zone;
  readonly open: boolean;
  readonly source: boolean;
  readonly refer: { current: HTMLLIElement | null } | null;
  readonly children: ComponentChildren;
  onToggle(): void;
}

function ContextRow({ record, itself, zone, open, source, refer, children, onToggle }: RowProps) {
  const level = levelOf(record.level);
  return (
    <li ref={refer} class={`context-row${itself ? " itself" : ""}`} style={{ "--tone": `var(${level.tone})` }} aria-current={itself ? "true" : undefined}>
      <button type="button" aria-expanded={open} onClick={onToggle}>
        <span class="hidden-text">{level.name}</span>
        <span class="time">{timeOfDay(Date.parse(record.time), zone)}</span>
        {source && <span class="source">{sourceOf(record).value}</span>}
        <span class="line">{record.message.slice(0, LINE_MAX) || lineOf(record)}</span>
        {itself && <Icon name="around" />}
      </button>
      {open && children}
    </li>
  );
}

function Skeleton() {
  return (
    <div class="skeleton rows" role="status">
      <span class="hidden-text">Asking for the records around it</span>
      {Array.from({ length: 12 }, (_, index) => (
        <i key={index} style={{ width: `${30 + ((index * 37) % 60)}%` }} />
      ))}
    </div>
  );
}
