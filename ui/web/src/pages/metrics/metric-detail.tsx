// One metric: what it is, its labels with their values, and the selector that the reader puts together of them.

import { useState } from "preact/hooks";
import { Icon } from "../../components/icon";
import { FailureNotice } from "../../components/notice";
import { count } from "../../lib/format";
import { logMetric } from "../../lib/log-metrics";
import { selector, starter, togglePair, type MetricName, type Pair } from "../../lib/metric-names";
import type { Span } from "../../lib/time-range";
import { VALUES_MAX, useFamily, useLabelNames, useLabelValues, useSeriesCount } from "./use-browser";

/** The log-derived metric whose labels are asked for. */
const LABELLED = "logs_count";

interface Props {
  readonly metric: MetricName;
  readonly span: Span;
  onInsert(text: string): void;
  onGraph(expr: string): void;
}

export function MetricDetail({ metric: found, span, onInsert, onGraph }: Props) {
  const ofLogs = logMetric(found.name);
  const [pairs, setPairs] = useState<readonly Pair[]>(ofLogs?.needs ?? []);
  // The search knows a metric's own name; its parts are told of where the metric is.
  const family = useFamily(found.name, ofLogs === undefined && found.type === "");
  const metric = family.data ? { ...found, ...family.data } : found;
  // All that the logs give has the same labels, but log_field has none before its field is named.
  const labelled = ofLogs ? LABELLED : metric.name;
  const labels = useLabelNames(labelled, span);
  const series = useSeriesCount(metric.name, span, ofLogs === undefined);
  const text = selector(metric.name, pairs);
  return (
    <article class="metric-detail" aria-label={metric.name}>
      <h2 class="mono">{metric.name}</h2>
      <p class="quiet">
        {[metric.type || "unknown type", metric.unit && `in ${metric.unit}`, ofLogs ? "from the logs" : series.data === undefined ? "" : `${count(series.data)} series`]
          .filter((word) => word !== "")
          .join(" · ")}
      </p>
      {metric.help !== "" && <p>{metric.help}</p>}
      {ofLogs && (
        <>
          <p>{ofLogs.about}</p>
          <ul class="examples" aria-label="Examples">
            {ofLogs.examples.map((example) => (
              <li key={example}>
                <button type="button" class="as-link" title="Ask this" onClick={() => onGraph(example)}>
                  {example}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>{ofLogs ? "Fields as labels" : "Labels"}</h3>
      {labels.error && <FailureNotice failure={labels.error} what="The labels did not come." onRetry={() => void labels.refetch()} />}
      {labels.isPending && <p class="quiet">Asking…</p>}
      {labels.data?.length === 0 && <p class="quiet">None in this range.</p>}
      <ul class="label-list">
        {(labels.data ?? []).map((label) => (
          <LabelRow
            key={label}
            metric={labelled}
            label={label}
            span={span}
            counted={ofLogs === undefined}
            chosen={pairs.find(([name]) => name === label)?.[1] ?? null}
            onToggle={(value) => setPairs((now) => togglePair(now, label, value))}
          />
        ))}
      </ul>
      <footer>
        <code>{text}</code>
        <button type="button" class="button" title="Put the selector where you write" onClick={() => onInsert(text)}>
          Insert
        </button>
        {!ofLogs && (
          <button type="button" class="button primary" title={starter(metric, pairs)} onClick={() => onGraph(starter(metric, pairs))}>
            <Icon name="play" />
            Graph
          </button>
        )}
      </footer>
    </article>
  );
}

interface LabelProps {
  readonly metric: string;
  readonly label: string;
  readonly span: Span;
  /** Series are counted by value. */
  readonly counted: boolean;
  /** The value that the selector asks for. */
  readonly chosen: string | null;
  onToggle(value: string): void;
}

function LabelRow(props: LabelProps) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <button type="button" class="label-name" aria-expanded={open} onClick={() => setOpen(!open)}>
        <i class={`twist${open ? " open" : ""}`}>
          <Icon name="chevron" />
        </i>
        <span class="mono">{props.label}</span>
        {props.chosen !== null && <b class="mono">= {props.chosen === "" ? '""' : props.chosen}</b>}
      </button>
      {open && <Values {...props} />}
    </li>
  );
}

function Values({ metric, label, span, counted, chosen, onToggle }: LabelProps) {
  const answer = useLabelValues(metric, label, span, counted);
  if (answer.error) {
    return <FailureNotice failure={answer.error} what="The values did not come." onRetry={() => void answer.refetch()} />;
  }
  if (!answer.data) {
    return <p class="quiet">Asking…</p>;
  }
  const most = Math.max(1, ...answer.data.map(({ series }) => series ?? 0));
  return (
    <>
      <ul class="value-list" aria-label={`Values of ${label}`}>
        {answer.data.map(({ value, series }) => (
          <li key={value}>
            <button
              type="button"
              aria-pressed={value === chosen}
              style={{ "--share": series === null ? 0 : series / most }}
              onClick={() => onToggle(value)}
            >
              <span class="mono">{value === "" ? '""' : value}</span>
              {series !== null && (
                <small>
                  {count(series)}
                  <span class="hidden-text"> series</span>
                </small>
              )}
            </button>
          </li>
        ))}
      </ul>
      {answer.data.length === 0 && <p class="quiet">None in this range.</p>}
      {answer.data.length >= VALUES_MAX && <p class="quiet">The first {VALUES_MAX}; write the others yourself.</p>}
    </>
  );
}
