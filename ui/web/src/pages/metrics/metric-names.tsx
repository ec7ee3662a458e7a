// Before anything is asked: the metrics that exist, each a start.

import { useState } from "preact/hooks";
import { FailureNotice } from "../../components/notice";
import { useMetricNames, type MetricName } from "./use-metrics";

/** Rows drawn at once; the filter finds the rest. */
const ROWS_MAX = 200;

export function MetricNames({ onPick }: { onPick(expr: string): void }) {
  const names = useMetricNames(true);
  const [filter, setFilter] = useState("");
  const words = filter.trim().toLowerCase();
  const found = (names.data ?? []).filter(({ name, about }) => name.toLowerCase().includes(words) || (about?.help.toLowerCase().includes(words) ?? false));
  if (names.error) {
    return <FailureNotice failure={names.error} what="The list of metrics did not come." onRetry={() => void names.refetch()} />;
  }
  if (names.data?.length === 0) {
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
  return (
    <section class="metric-names" aria-label="Metrics">
      <div class="find">
        <h2>Metrics</h2>
        <input class="input" type="search" placeholder="Find by name or help" aria-label="Find a metric" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      </div>
      <table class="table">
        <thead>
          <tr>
            <th>Name</th>
            <th>Type</th>
            <th>Help</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, ROWS_MAX).map((metric) => (
            <tr key={metric.name}>
              <td>
                <button type="button" class="as-link mono" onClick={() => onPick(starter(metric))}>
                  {metric.name}
                </button>
              </td>
              <td class="quiet">{metric.about?.type ?? "–"}</td>
              <td class="quiet help-text">{metric.about?.help ?? ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.length > ROWS_MAX && <p class="more">{found.length - ROWS_MAX} more: find them by name.</p>}
    </section>
  );
}

/** What one usually wants of a metric: a counter's rate, a histogram's 95th percentile, else the values. */
function starter({ name, about }: MetricName): string {
  if (about?.type === "histogram" && !/_(sum|count)$/.test(name)) {
    return `histogram_quantile(0.95, sum by (le) (rate(${name.replace(/_bucket$/, "")}_bucket[5m])))`;
  }
  return about?.type === "counter" || /_(total|count|sum)$/.test(name) ? `rate(${name}[5m])` : name;
}
