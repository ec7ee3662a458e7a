// Series that the server makes of log records when a selector names them: what each is and how it is used.

import type { LogMetric } from "./metric-names";

/** In the order in which a reader wants them. */
export const LOG_METRICS: readonly LogMetric[] = [
  {
    name: "logs_total",
    type: "counter",
    help: "Records so far, counted from the logs as asked.",
    unit: "",
    about: "Every label is a field of the record; log_query takes a log search, log_by names the labels to keep. An anchored increase counts exactly what the same log search finds.",
    examples: ['increase(logs_total{level=~"[0-3]"}[5m] anchored)', 'sum by (service) (increase(logs_total{log_query="refused", log_by="service"}[5m] anchored))'],
    needs: [],
  },
  {
    name: "logs_count",
    type: "gauge",
    help: "Records of each moment; sum_over_time counts a window.",
    unit: "",
    about: "A sample is the number of records of one millisecond. A window without records has no series: or vector(0) says zero.",
    examples: ['sum by (host) (sum_over_time(logs_count{log_by="host"}[5m]))', 'sum(sum_over_time(logs_count{log_query="timeout"}[5m])) or vector(0)'],
    needs: [],
  },
  {
    name: "logs_bytes_total",
    type: "counter",
    help: "Bytes of the messages so far, counted from the logs as asked.",
    unit: "bytes",
    about: "Labels, log_query and log_by are those of logs_total.",
    examples: ['topk(5, increase(logs_bytes_total{log_by="container_name"}[1h] anchored))'],
    needs: [],
  },
  {
    name: "logs_bytes",
    type: "gauge",
    help: "Bytes of the messages of each moment; sum_over_time adds up a window.",
    unit: "bytes",
    about: "Labels, log_query and log_by are those of logs_total.",
    examples: ['sum by (stream) (sum_over_time(logs_bytes{log_by="stream"}[1h]))'],
    needs: [],
  },
  {
    name: "log_field",
    type: "gauge",
    help: "The numbers in a field of the records, named by the label field.",
    unit: "",
    about: "Of several records of one series in the same millisecond the last one counts. log_field_sum, log_field_count, log_field_min and log_field_max leave none out.",
    examples: [
      'quantile_over_time(0.95, log_field{field="duration_ms", log_by="service"}[5m])',
      'sum_over_time(log_field_sum{field="duration_ms", log_by=""}[5m]) / sum_over_time(log_field_count{field="duration_ms", log_by=""}[5m])',
    ],
    needs: [["field", "duration_ms"]],
  },
];

/** What is known of a name that the logs give; the companions of `log_field` are told of there. */
export function logMetric(name: string): LogMetric | undefined {
  return LOG_METRICS.find((metric) => metric.name === name.replace(/^(log_field)_(?:sum|count|min|max)$/, "$1"));
}

/** Names without those that the logs give, which the page tells of itself. */
export function withoutLogMetrics<T extends { readonly name: string }>(names: readonly T[]): readonly T[] {
  return names.filter(({ name }) => logMetric(name) === undefined);
}
