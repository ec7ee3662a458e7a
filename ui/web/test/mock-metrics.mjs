// Prometheus' query API with made-up, steady series, and the explained tree of any expression with balanced brackets.

import { EMPTY, SERVICES, json, noise } from "./mock-logs.mjs";

/** MOCK=many: as many names as a big fleet has. */
const MANY = process.env.MOCK === "many";
export const INSTANCES = ["10.0.0.11:8080", "10.0.0.12:8080", "10.0.0.13:8080"];
const METRICS = {
  http_requests_total: ["counter", "Requests answered, by route and status."], http_request_duration_seconds: ["histogram", "How long requests took.", "seconds"],
  process_resident_memory_bytes: ["gauge", "Resident memory size in bytes.", "bytes"], process_cpu_seconds_total: ["counter", "Total user and system CPU time spent in seconds.", "seconds"],
  node_load1: ["gauge", "1m load average."], up: ["gauge", "1 if the last scrape succeeded."], scrape_duration_seconds: ["gauge", "How long the scrape took.", "seconds"],
  pg_stat_activity_count: ["gauge", "Connections in this state."], watchfire_gelf_received_total: ["counter", "Datagrams received."],
  ...(MANY ? Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`fleet_${["cpu", "disk", "net", "queue"][n % 4]}_metric_${n}_total`, ["counter", `The ${n}th figure of the fleet.`]])) : {}),
};
const prom = (data, more = {}) => ({ status: "success", data, ...more });

function seriesOf(expr) {
  const name = /[a-z_]+_[a-z_]+|up/.exec(expr.replace(/rate|sum|by|avg|histogram_quantile/g, ""))?.[0] ?? "value";
  const rated = expr.includes("rate(");
  return ["checkout", "api-gateway", "payments"].flatMap((job, j) =>
    INSTANCES.map((instance, i) => ({
      metric: { ...(rated ? {} : { __name__: name }), instance, job },
      at: (t) => {
        const down = job === "payments" && i === 1 && t % 3600 > 2200 && t % 3600 < 2700;
        if (name === "up") return down ? 0 : 1;
        if (down) return null;
        return (40 - 10 * j + 6 * i) * (1 + 0.35 * Math.sin(t / 700 + i + 2 * j) + 0.08 * (noise(Math.floor(t / 15) * 31 + i * 7 + j) - 0.5));
      },
    })),
  );
}

/** Expressions that name a histogram without `_bucket` answer native ones. */
const native = (expr) => /http_request_duration_seconds(?!_)/.test(expr) && !expr.includes("quantile");

function histogramAt(t, series) {
  const buckets = Array.from({ length: 24 }, (_, n) => [0, (0.001 * 2 ** (n / 2)).toPrecision(6), (0.001 * 2 ** ((n + 1) / 2)).toPrecision(6), Math.round(400 * Math.exp(-((n - 9 - series / 3) ** 2) / 12) * (1 + 0.3 * noise(n + series)))]).filter(([, , , n]) => n > 0);
  const count = buckets.reduce((sum, [, , , n]) => sum + n, 0);
  return { count: String(count), sum: String(buckets.reduce((sum, [, low, high, n]) => sum + (n * (Number(low) + Number(high))) / 2, 0)), buckets: buckets.map(([rule, low, high, n]) => [rule, low, high, String(n)]) };
}

/** Remarks about `rate` of what is no counter, as the engine words and places them. */
function infos(expr) {
  return [...expr.matchAll(/rate\((\w+_bytes|node_load1)/g)].map(({ index, 1: name }) => {
    const before = expr.slice(0, index).split("\n");
    return `PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "${name}" (${before.length}:${(before.at(-1) ?? "").length + 6})`;
  });
}

function stats(expr, steps) {
  const samples = 9 * 20 * steps * (expr.includes("[") ? 20 : 1);
  return { timings: { evalTotalTime: samples / 3e7, resultSortTime: 0, queryPreparationTime: 0.0002, innerEvalTime: samples / 3.2e7, execQueueTime: 0.00003, execTotalTime: samples / 3e7 }, samples: { totalQueryableSamples: samples, peakSamples: Math.ceil(samples / 40) }, series: 9, peakBytes: samples * 2 };
}

function answer(response, expr, data, steps) {
  const about = infos(expr);
  return json(response, prom({ ...data, stats: stats(expr, steps) }, about.length ? { infos: about } : {}));
}

/** What this mock knows of; `undefined` for other paths. */
export function metrics(path, params, response) {
  const expr = params.get("query") ?? "";
  if (/\($/.test(expr.trim()) || (expr.match(/\(/g)?.length ?? 0) !== (expr.match(/\)/g)?.length ?? 0)) {
    return json(response, { status: "error", errorType: "bad_data", error: `invalid parameter "query": 1:${expr.indexOf("(") + 1}: parse error: unclosed left parenthesis` }, 400);
  }
  switch (path) {
    case "query": {
      const time = Number(params.get("time"));
      const by = /count by \("?(\w+)"?\)/.exec(expr)?.[1];
      if (by) return answer(response, expr, { resultType: "vector", result: valuesOf(by).map((value, n) => ({ metric: { [by]: value }, value: [time, String(Math.ceil(400 / (n + 1)))] })) }, 1);
      if (expr.startsWith("count(")) return answer(response, expr, { resultType: "vector", result: [{ metric: {}, value: [time, "1214"] }] }, 1);
      const result = EMPTY ? [] : seriesOf(expr).map(({ metric, at }, n) => (native(expr) ? { metric, histogram: [time, histogramAt(time, n)] } : { metric, value: [time, String(at(time) ?? 0)] }));
      return answer(response, expr, { resultType: "vector", result }, 1);
    }
    case "query_range": {
      const [start, end, step] = ["start", "end", "step"].map((name) => Number(params.get(name)));
      const result = EMPTY ? [] : seriesOf(expr).map(({ metric, at }, n) => {
        const values = [];
        for (let t = start; t <= end; t += step) { const v = at(t); if (v !== null) values.push([t, native(expr) ? histogramAt(t, n) : String(v)]); }
        return native(expr) ? { metric, histograms: values } : { metric, values };
      });
      return answer(response, expr, { resultType: "matrix", result }, (end - start) / step);
    }
    case "query_exemplars": {
      const [start, end] = ["start", "end"].map((name) => Number(params.get(name)));
      const series = EMPTY ? [] : seriesOf("http_request_duration_seconds_bucket").slice(0, 3);
      return json(response, prom(series.map(({ metric, at }, n) => ({
        seriesLabels: { ...metric, le: "0.5" },
        exemplars: Array.from({ length: 40 }, (_, k) => {
          const timestamp = Math.round((start + ((end - start) * (k + noise(k + n))) / 40) * 1000) / 1000;
          return { labels: { trace_id: `4bf92f3577b34da6a3ce929d0e0e${4700 + n * 40 + k}`, span_id: `00f067aa${k}` }, value: String((at(timestamp) ?? 20) * (0.5 + noise(k * 7 + n))), timestamp };
        }),
      }))));
    }
    case "labels": return json(response, prom(["__name__", "code", "instance", "job", "route"]));
    case "label/__name__/values": return json(response, prom(EMPTY ? [] : Object.keys(METRICS)));
    case "series": return json(response, prom(seriesOf("up").map(({ metric }) => metric)));
    case "metadata": return json(response, prom(Object.fromEntries(Object.entries(METRICS).slice(0, Number(params.get("limit") ?? 1e6)).map(([name, [type, help, unit = ""]]) => [name, [{ type, help, unit }]]))));
    case "search/metric_names": return process.env.MOCK_SEARCH === "0" ? undefined : search(params, response);
    default: {
      const label = /^label\/(.+)\/values$/.exec(path)?.[1];
      return label ? json(response, prom(valuesOf(label))) : undefined;
    }
  }
}

function valuesOf(label) {
  return { job: SERVICES, instance: INSTANCES, code: ["200", "404", "500", "302"], route: ["/", "/orders", "/orders/{id}", "/login", "/healthz", ""] }[label] ?? ["a", "b"];
}

function search(params, response) {
  const words = (params.getAll("search[]")[0] ?? "").toLowerCase(), limit = Number(params.get("limit") ?? 100);
  const found = EMPTY ? [] : Object.entries(METRICS).filter(([name]) => name.includes(words));
  const results = found.slice(0, limit).map(([name, [type, help, unit]]) => ({ name, type, help, ...(unit ? { unit } : {}) }));
  response.writeHead(200, { "content-type": "application/x-ndjson; charset=utf-8" });
  return response.end(`${JSON.stringify({ results })}\n${JSON.stringify({ status: "success", has_more: found.length > limit })}\n`);
}

/** Splits at the outermost operator, else takes what is in the outermost brackets; good enough to look at. */
export function explain(params, response) {
  const expr = params.get("query") ?? "", steps = params.has("time") ? 1 : (Number(params.get("end")) - Number(params.get("start"))) / Number(params.get("step"));
  const seen = new Map();
  const node = (text, start) => {
    const end = start + text.length, made = { text, start, end, samples_read: 0, reused: seen.has(text) };
    seen.set(text, true);
    let depth = 0, operator = -1;
    for (let at = 0; at < text.length; at++) {
      if ("([{".includes(text[at])) depth++;
      else if (")]}".includes(text[at])) depth--;
      else if (depth === 0 && /[-+*/>]/.test(text[at]) && text[at - 1] === " ") operator = at;
    }
    const part = (from, to) => {
      const raw = text.slice(from, to), trimmed = raw.trim();
      return trimmed === "" ? [] : [node(trimmed, start + from + raw.indexOf(trimmed))];
    };
    const figures = (kind, series, seconds, children = []) => ({ ...made, kind, series, points: Math.round(series * steps), seconds: made.reused ? 0 : seconds, children });
    if (operator > 0) return figures("binary", 3, 0.0004, [...part(0, operator), ...part(operator + 1, text.length)]);
    const open = text.indexOf("("), braces = text.indexOf("{");
    if (text.endsWith(")") && open >= 0 && (braces < 0 || open < braces)) {
      const inner = /\(([^()]*)\)\s*\($/.exec(text.slice(0, text.indexOf("(", open + 1) + 1)) ? text.indexOf("(", open + 1) : open;
      const kind = open === 0 ? "paren" : /^(sum|avg|max|min|count|topk)/.test(text) ? "aggregation" : "call";
      return figures(kind, kind === "aggregation" ? 3 : 9, kind === "call" ? 0.0061 : 0.0011, part(inner + 1, text.length - 1));
    }
    if (/^[\d.]+$/.test(text)) return figures("number", 1, 0);
    const windowed = text.endsWith("]");
    return { ...figures(windowed ? "matrix selector" : "selector", 9, 0.0023), samples_read: made.reused ? 0 : Math.round(9 * steps * (windowed ? 20 : 1)) };
  };
  return json(response, prom({ tree: node(expr.trim(), expr.indexOf(expr.trim())), warnings: [], infos: infos(expr) }));
}
