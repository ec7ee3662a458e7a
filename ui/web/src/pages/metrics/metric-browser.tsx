// The metrics that exist, found by name and help, each with its type, its labels and their values.

import { useMemo, useState } from "preact/hooks";
import { useSettled } from "../../app/browser";
import { Icon } from "../../components/icon";
import { NameList } from "../../components/name-list";
import { FailureNotice } from "../../components/notice";
import { count } from "../../lib/format";
import { LOG_METRICS, withoutLogMetrics } from "../../lib/log-metrics";
import { filterNames, selector, type MetricName } from "../../lib/metric-names";
import type { Span } from "../../lib/time-range";
import { MetricDetail } from "./metric-detail";
import { NAMES_FIRST, NAMES_MAX, useMetricNames } from "./use-browser";

/** How long typing rests before the server is asked, in milliseconds. */
const ASK_AFTER_MS = 150;

interface Props {
  /** Metrics and values of this time. */
  readonly span: Span;
  /** List and detail stand side by side, as on the page before anything is asked. */
  readonly wide: boolean;
  /** Puts a text where the reader writes. */
  onInsert(text: string): void;
  /** Asks an expression instead of what is asked. */
  onGraph(expr: string): void;
}

export default function MetricBrowser({ span, wide, onInsert, onGraph }: Props) {
  const [words, setWords] = useState("");
  const asked = useSettled(words.trim(), ASK_AFTER_MS);
  const [limit, setLimit] = useState(NAMES_FIRST);
  const [chosen, setChosen] = useState<MetricName | null>(null);
  const answer = useMetricNames(asked, span, limit);
  const { names = [], more = false } = answer.data ?? {};
  const items = useMemo(() => {
    const own = filterNames(LOG_METRICS, asked);
    const scraped = withoutLogMetrics(names);
    // What was scraped comes first where something is looked for, what the logs give where nothing is.
    return asked === "" ? [...own, ...scraped] : [...scraped, ...own];
  }, [names, asked]);

  if (answer.error && !answer.data) {
    return <FailureNotice failure={answer.error} what="The list of metrics did not come." onRetry={() => void answer.refetch()} />;
  }
  const list = (
    <NameList<MetricName>
      label="Find a metric"
      placeholder="Find by name"
      words={words}
      items={items}
      chosen={chosen?.name ?? null}
      busy={answer.isFetching}
      stale={answer.isPlaceholderData}
      focus={!wide}
      foot={
        answer.isPending
          ? "Asking…"
          : `${count(items.length)}${more ? " and more" : ""} metric${items.length === 1 ? "" : "s"}${asked === "" ? "" : ` like “${asked}”`}${more && limit >= NAMES_MAX ? ": narrow the search" : ""}`
      }
      keyOf={({ name }) => name}
      row={(metric) => <Row metric={metric} />}
      onWords={(text) => {
        setWords(text);
        setLimit(NAMES_FIRST);
      }}
      onChoose={setChosen}
      onTake={({ name }) => onInsert(selector(name))}
      onEnd={() => more && !answer.isFetching && setLimit(Math.min(NAMES_MAX, limit * 10))}
    />
  );
  const detail = chosen && (
    <MetricDetail key={chosen.name} metric={chosen} span={span} onInsert={onInsert} onGraph={onGraph} />
  );
  if (wide) {
    return (
      <section class="metric-browser wide" aria-label="Metrics">
        {list}
        <div class="about">{detail ?? (answer.data && withoutLogMetrics(names).length === 0 && asked === "" ? <Nothing /> : <Hint />)}</div>
      </section>
    );
  }
  return (
    <div class="metric-browser">
      {detail ? (
        <>
          <button type="button" class="button quiet back" onClick={() => setChosen(null)}>
            <Icon name="chevron" />
            All metrics
          </button>
          <div class="about">{detail}</div>
        </>
      ) : (
        list
      )}
    </div>
  );
}

function Row({ metric }: { readonly metric: MetricName }) {
  return (
    <>
      <span class="first">
        <span class="mono">{metric.name}</span>
        <small>{[metric.type, metric.unit].filter((word) => word !== "" && word !== "unknown").join(" · ")}</small>
      </span>
      <span class="second quiet">{metric.help}</span>
    </>
  );
}

function Hint() {
  return (
    <div class="empty">
      <h1>What is there to see</h1>
      <p>Choose a metric to see its labels and values, or write PromQL above. A double click on a metric, or Shift+Enter, writes it for you.</p>
      <p>Names that begin with log are counted from the log records themselves, with any field as a label.</p>
    </div>
  );
}

/** Before the first scrape. */
function Nothing() {
  return (
    <div class="empty">
      <h1>No metrics yet</h1>
      <p>Watchfire scrapes what prometheus.yml names. A service that serves /metrics is one entry in watchfire.yml:</p>
      <div class="snippet">
        <pre tabIndex={0}>{"scrape_configs:\n  - job_name: shop\n    static_configs:\n      - targets: [10.0.0.11:8080]"}</pre>
      </div>
      <p>This page looks again by itself; the Inputs page shows how each target fares.</p>
    </div>
  );
}
