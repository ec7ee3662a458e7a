// The logs of the stand-in server: made-up records that are the same whoever asks, and the calls over them.

export const EMPTY = process.env.MOCK === "empty";
export const TROUBLE = process.env.MOCK === "trouble";

export const SERVICES = ["checkout", "api-gateway", "payments", "catalogue", "auth", "mailer", "search", "pg-orders"];
const MESSAGES = {
  2: ["out of disk on /var/lib/postgresql: 512 MiB left of 40 GiB"],
  3: ["connection refused to pg-orders:5432", "payment 8831 declined by acquirer: timeout after 5000 ms", "panic recovered: index out of range [7] with length 7\n  at orders.go:214\n  at server.go:88"],
  4: ["retry 3 of 5 in 800 ms", "slow query 1841 ms: SELECT * FROM orders WHERE customer_id = $1", "certificate of mail.example.org expires in 6 days"],
  5: ["configuration reloaded", "leader elected: payments-2"],
  6: ["GET /api/v1/products 200 12 ms", "POST /api/v1/orders 201 48 ms", "session opened for customer 49217", "mail queued: order-confirmation", "cache hit ratio 0.94 over 1,024 look-ups"],
  7: ["pool: 12 of 40 connections in use", "trace sampled at 0.01"],
};
const WEIGHTS = [[6, 70], [7, 12], [5, 6], [4, 8], [3, 3.7], [2, 0.3]];

/** A hash of an integer to [0, 1): the same record at the same time, whoever asks. */
export function noise(n) {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

function burst(second) {
  return (second % 1500) > 1180 && (second % 1500) < 1290;
}

function recordAt(slot) {
  const ms = slot * 120 + Math.floor(noise(slot) * 100);
  const second = Math.floor(ms / 1000);
  let pick = noise(slot * 7 + 1) * 100;
  if (burst(second) && noise(slot * 3) < 0.4) pick = 97;
  let level = 6;
  for (const [candidate, weight] of WEIGHTS) {
    if (pick < weight) { level = candidate; break; }
    pick -= weight;
  }
  const texts = MESSAGES[level];
  const service = SERVICES[Math.floor(noise(slot * 11) ** 1.7 * SERVICES.length)];
  const time = new Date(ms).toISOString().replace("Z", "000000Z");
  return {
    id: slot.toString(36), time, received: time, stream: "default", host: `node-${1 + (slot % 3)}`, level,
    message: texts[Math.floor(noise(slot * 13) * texts.length)],
    fields: {
      service, container_name: `shop-${service}-1`, container_id: Math.floor(noise(slot * 17) * 2 ** 32).toString(16), image_name: `registry.example.org/shop/${service}:1.18.2`,
      duration_ms: Math.round(noise(slot * 19) * 900) / 10, request_id: `${Math.floor(noise(slot * 23) * 2 ** 40).toString(16)}`, status: level === 3 ? 500 : 200, cached: noise(slot) < 0.3,
    },
  };
}

function matches(record, query) {
  return query.split(/\s+/).filter(Boolean).reduce(
    ([ok, negate], word) => {
      if (word === "NOT") return [ok, true];
      if (word === "*") return [ok, false];
      const [name, value] = word.includes(":") ? word.split(":") : [null, word];
      const plain = (value ?? "").replaceAll('"', "");
      const own = { host: record.host, level: record.level, stream: record.stream, ...record.fields };
      const hit = name === null ? record.message.includes(plain) : name === "level" && plain.startsWith("<=") ? record.level <= Number(plain.slice(2)) : plain.endsWith("*") ? String(own[name]).startsWith(plain.slice(0, -1)) : String(own[name]) === plain;
      return [ok && hit !== negate, false];
    },
    [true, false],
  )[0];
}

const stats = (scanned) => ({
  elapsed_ms: 38.4, granules: 4112, granules_pruned: 3980, granules_summed: 120, granules_read: 12, granules_false: 3, records_scanned: scanned, bytes_read: scanned * 61,
  planning_ms: 1.2, filtering_ms: 21.7, collecting_ms: 11.4,
});

export function json(response, body, status = 200) {
  response.writeHead(status, { "content-type": "application/json" });
  return response.end(JSON.stringify(body));
}

const saved = EMPTY ? [] : [
  { name: "checkout-errors", description: "Errors of a service", query: "level:<=3 service:$service", parameters: [{ name: "service", default: "checkout", description: "Service" }], range: "1h", version: 3, changed: new Date().toISOString() },
  { name: "slow-queries", description: "Queries that took long", query: "slow query | stats count() by (_time:5m, service)", parameters: [], version: 1, changed: new Date().toISOString() },
];

/** The matching records of the span asked for, one of `stride`. */
function* recordsOf(params, stride) {
  const start = Date.parse(params.get("start")), end = Math.min(Date.parse(params.get("end")), Date.now());
  for (let slot = Math.ceil(start / 120); slot * 120 < end; slot += stride) {
    const record = recordAt(slot);
    if (matches(record, searchOf(params))) yield [slot, record];
  }
}

const strideOf = (params) => Math.max(1, Math.floor((Math.min(Date.parse(params.get("end")), Date.now()) - Date.parse(params.get("start"))) / 120 / 8000));
const searchOf = (params) => (params.get("query") ?? "").split("|")[0].trim();
const fieldsOf = (record) => ({ host: record.host, level: record.level, stream: record.stream, ...record.fields });

export function logs(path, params, request, response) {
  if (path === "saved" || path.startsWith("saved/")) return savedSearches(path.slice(6), request, response);
  const query = params.get("query") ?? "";
  const refused = mistakeOf(query);
  if (refused) return json(response, { error: refused }, 400);
  if (TROUBLE && path === "stats") return json(response, { error: { message: "the query took more than 512 MiB: narrow its range or group by fewer fields" } }, 503);
  const start = Date.parse(params.get("start"));
  const partial = TROUBLE ? ["block logs/default/2026-11-20/01JD7W2K9Q4M is damaged: 8,192 records"] : [];
  if (EMPTY) return json(response, { records: [], fields: [], next_cursor: null, start: start / 1000, step: 60, total: 0, series: [], columns: [], types: [], rows: [], truncated: false, count: 0, stages: [], query, partial: [], stats: stats(0) });
  switch (path) {
    case "search": return json(response, { ...search(params), partial });
    case "histogram": return json(response, { ...histogram(params), partial });
    case "fields": return json(response, { ...fields(params), partial });
    case "stats": return json(response, { ...table(query, params), partial });
    case "context": return json(response, { ...context(params), partial });
    case "explain": return json(response, explain(query));
    case "export": return exported(params, response);
    default: return json(response, { error: { message: "no such call" } }, 404);
  }
}

function mistakeOf(query) {
  const unclosed = query.lastIndexOf("(");
  if (unclosed >= 0 && !query.includes(")", unclosed)) {
    const at = Buffer.byteLength(query.slice(0, unclosed));
    return { message: "this bracket is never closed: add `)`", start: at, end: at + 1 };
  }
  const wrong = /\|\s*(statz|stat|tops)\b/.exec(query);
  if (wrong) {
    const at = Buffer.byteLength(query.slice(0, wrong.index + wrong[0].length - wrong[1].length));
    return { message: `\`${wrong[1]}\` is no pipe, did you mean \`${wrong[1] === "tops" ? "top" : "stats"}\`?`, start: at, end: at + wrong[1].length, suggestion: wrong[1] === "tops" ? "top" : "stats" };
  }
  return null;
}

function search(params) {
  const start = Date.parse(params.get("start")), end = Math.min(Date.parse(params.get("end")), Date.now()), limit = Number(params.get("limit") ?? 100);
  const oldest = params.get("order") === "oldest", step = oldest ? 1 : -1;
  let slot = params.get("cursor") ? parseInt(params.get("cursor"), 36) : oldest ? Math.ceil(start / 120) : Math.floor(end / 120);
  const records = [], inside = () => slot * 120 >= start && slot * 120 < end;
  let scanned = 0;
  for (; records.length < limit && inside() && scanned < 200_000; slot += step, scanned += 1) {
    const record = recordAt(slot);
    if (matches(record, searchOf(params))) records.push(record);
  }
  return { records, next_cursor: inside() && scanned < 200_000 ? slot.toString(36) : null, stats: stats(scanned) };
}

function histogram(params) {
  const step = Number(params.get("step")), first = Math.floor(Date.parse(params.get("start")) / 1000 / step) * step, stride = strideOf(params), by = params.get("by");
  const length = Math.ceil((Date.parse(params.get("end")) / 1000 - first) / step), series = new Map();
  let total = 0;
  for (const [slot, record] of recordsOf(params, stride)) {
    const key = by === null ? null : String(fieldsOf(record)[by] ?? "");
    if (!series.has(key)) series.set(key, new Array(length).fill(0));
    const wave = 1 + Math.round((1 + Math.sin(slot / 900)) * 3);
    series.get(key)[Math.floor((slot * 0.12 - first) / step)] += stride * wave;
    total += stride * wave;
  }
  return { start: first, step, total, series: [...series].map(([value, counts]) => ({ value, counts })), stats: stats(total) };
}

function fields(params) {
  const counts = new Map(), stride = strideOf(params), names = params.get("names")?.split(",");
  for (const [, record] of recordsOf(params, stride)) {
    for (const [name, value] of Object.entries(fieldsOf(record))) {
      if (names && !names.includes(name)) continue;
      if (!counts.has(name)) counts.set(name, { type: typeof value === "string" ? "string" : typeof value === "boolean" ? "bool" : Number.isInteger(value) ? "i64" : "f64", values: new Map() });
      const values = counts.get(name).values;
      values.set(String(value), (values.get(String(value)) ?? 0) + stride);
    }
  }
  const list = [...counts].map(([name, { type, values }]) => ({
    name, types: [type], records: [...values.values()].reduce((a, b) => a + b, 0),
    values: [...values].sort((a, b) => b[1] - a[1]).slice(0, Number(params.get("values") ?? 10)).map(([value, records]) => ({ value, records })),
  }));
  return { fields: list, stats: stats(8000) };
}

/** `stats count(), avg(duration_ms) by (_time:5m, service)` and `top N by field`, as far as a picture needs it. */
function table(query, params) {
  const pipe = query.split("|")[1] ?? "", by = (/by\s*\(?([^)]*)\)?/.exec(pipe)?.[1] ?? "").split(",").map((name) => name.trim()).filter(Boolean);
  const bucket = by.find((name) => name.startsWith("_time")), step = bucket ? Number(/\d+/.exec(bucket)?.[0] ?? 1) * (bucket.endsWith("s") ? 1e3 : bucket.endsWith("h") ? 3.6e6 : 6e4) : 0;
  const groups = new Map(), averaged = pipe.includes("avg("), stride = strideOf(params);
  for (const [, record] of recordsOf(params, stride)) {
    const cells = by.map((name) => (name.startsWith("_time") ? new Date(Math.floor(Date.parse(record.time) / step) * step).toISOString() : (fieldsOf(record)[name] ?? null)));
    const key = JSON.stringify(cells), group = groups.get(key) ?? { cells, count: 0, sum: 0 };
    group.count += stride;
    group.sum += record.fields.duration_ms * stride;
    groups.set(key, group);
  }
  const limit = Number(params.get("limit") ?? 1000), all = [...groups.values()].sort((a, b) => b.count - a.count);
  const rows = all.slice(0, limit).map(({ cells, count, sum }) => [...cells, count, ...(averaged ? [sum / count] : [])]);
  const types = by.map((name, index) => (name.startsWith("_time") ? "time" : typeof rows[0]?.[index] === "number" ? "number" : "text"));
  return { columns: [...by.map((name) => name.replace(/:.*/, "")), "count", ...(averaged ? ["avg(duration_ms)"] : [])], types: [...types, "number", ...(averaged ? ["number"] : [])], rows, truncated: all.length > limit, stats: stats(8000) };
}

function context(params) {
  const middle = parseInt(params.get("id"), 36), record = recordAt(middle), same = params.get("same") ?? "container";
  const alike = { container: (other) => other.fields.container_name === record.fields.container_name, host: (other) => other.host === record.host, stream: () => true, any: () => true }[same] ?? ((other) => fieldsOf(other)[same] === fieldsOf(record)[same]);
  const walk = (step, count) => {
    const found = [];
    for (let slot = middle + step; found.length < count && Math.abs(slot - middle) < 20_000 && slot * 120 < Date.now(); slot += step) if (alike(recordAt(slot))) found.push(recordAt(slot));
    return found;
  };
  const shared = { container: [{ field: "container_name", value: record.fields.container_name }], host: [{ field: "host", value: record.host }] }[same] ?? [];
  return { same: shared, before: walk(-1, Number(params.get("before") ?? 10)).reverse(), record, after: walk(1, Number(params.get("after") ?? 10)), stats: stats(200) };
}

function explain(query) {
  const [filter, ...pipes] = query.split("|").map((part) => part.trim());
  return { query, stages: [{ stage: "filter", detail: `${filter || "*"}: words from the index, the rest in granules that survive` }, ...pipes.map((pipe) => ({ stage: pipe.split(/\s/)[0], detail: `${pipe}: pushed down to the store, columns service and time are read` }))] };
}

function exported(params, response) {
  response.writeHead(200, { "content-type": "application/x-ndjson", "content-disposition": `attachment; filename="watchfire-logs.${params.get("format")}"` });
  for (const [, record] of recordsOf(params, 1)) response.write(`${JSON.stringify(record)}\n`);
  response.end();
}

function savedSearches(name, request, response) {
  const index = saved.findIndex((entry) => entry.name === name);
  if (name === "") return json(response, { saved });
  if (request.method === "PUT") {
    if (index >= 0 && request.body.version !== saved[index].version) return json(response, { error: { message: `somebody changed \`${name}\` meanwhile: open it again` } }, 409);
    const entry = { ...request.body, name, version: (saved[index]?.version ?? 0) + 1, changed: new Date().toISOString() };
    saved.splice(index < 0 ? saved.length : index, index < 0 ? 0 : 1, entry);
    return json(response, entry);
  }
  if (index < 0) return json(response, { error: { message: `no saved search is called \`${name}\`` } }, 404);
  if (request.method !== "DELETE") return json(response, saved[index]);
  saved.splice(index, 1);
  response.writeHead(204);
  return response.end();
}

export function tail(params, response) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.write(": hello\n\n");
  let slot = Math.floor(Date.now() / 120);
  const timer = setInterval(() => {
    const now = Math.floor(Date.now() / 120);
    const records = [];
    for (; slot < now; slot += 1) records.push(recordAt(slot));
    const found = records.filter((record) => matches(record, searchOf(params)));
    if (found.length > 0 && !EMPTY) response.write(`event: records\ndata: ${JSON.stringify(found)}\n\n`);
  }, 400);
  response.on("close", () => clearInterval(timer));
}
