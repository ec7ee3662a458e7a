// What each page shows, to and from the query part of its address. Defaults are left out, so that
// short views have short addresses; a reload restores the same screen.

import { CONTAINER_COLUMNS, DEFAULT_SORT, type ContainerSort } from "./containers";
import type { TableSort } from "./table";
import { DEFAULT_RANGE, type TimeRange } from "./time-range";

export type PageName = "logs" | "metrics" | "alerts" | "inputs" | "storage";

export interface LogsView {
  readonly query: string;
  readonly range: TimeRange;
  readonly live: boolean;
  /** New records of the live tail wait. */
  readonly paused: boolean;
  /** Fields shown as columns between the time and the message. */
  readonly columns: readonly string[];
  /** Id of the record whose fields are open. */
  readonly open: string | null;
  readonly histogram: boolean;
  /** Field that splits the histogram; empty does not split it. */
  readonly by: string;
  readonly order: "newest" | "oldest";
  /** How a table of results is shown; `null` chooses by what it holds. */
  readonly show: Showing | null;
  /** The number that bars show; `null` is the first. */
  readonly measure: string | null;
  readonly sort: TableSort | null;
  /** What is open beside the records. */
  readonly panel: "saved" | "explain" | null;
  readonly context: ContextView | null;
  /** The saved search that the query came from, with the values of its parameters. */
  readonly saved: string | null;
  readonly values: Readonly<Record<string, string>>;
}

export type Showing = "table" | "lines" | "bars";

/** The records around one, open beside the others. */
export interface ContextView {
  readonly id: string;
  /** `container`, `host`, `stream`, `any` or a field that all have in common. */
  readonly same: string;
  /** Records asked for on each side. */
  readonly before: number;
  readonly after: number;
}

export interface MetricsView {
  readonly expressions: readonly string[];
  readonly range: TimeRange;
  readonly tab: "graph" | "table";
  /** Seconds between points; `null` chooses by range and width. */
  readonly step: number | null;
  /** Whether the value axis starts at zero. */
  readonly zero: boolean;
  /** Whether the trees of the expressions stand above their answers. */
  readonly explain: boolean;
  readonly exemplars: boolean;
  /** Whether the metric browser is open beside the answers. */
  readonly browse: boolean;
}

export type RuleState = "firing" | "pending" | "inactive";

export interface AlertsView {
  readonly filter: string;
  /** `null` shows every state. */
  readonly state: RuleState | null;
  readonly open: string | null;
}

export interface InputsView {
  readonly filter: string;
  readonly unhealthy: boolean;
  /** The input or container whose losses are open. */
  readonly open: string | null;
  /** Order of the containers. */
  readonly sort: ContainerSort;
}

/** Reads and writes one page's view. `write` is the inverse of `read` up to defaults. */
export interface Codec<View> {
  read(params: URLSearchParams): View;
  write(view: View): URLSearchParams;
}

/** Field by which the histogram is split unless another is chosen. */
const DEFAULT_BY = "level";
/** Stands for no field in an address. */
const NO_FIELD = "-";
const VALUE_PREFIX = "param.";
/** A live tail that waits, in an address. */
const PAUSED = "paused";
/** Records around one, on each side, at first and at most. */
export const CONTEXT_RECORDS = 10;
export const CONTEXT_RECORDS_MAX = 1_000;

export const LOGS: Codec<LogsView> = {
  read: (params) => ({
    query: params.get("query") ?? "",
    range: readRange(params),
    live: params.get("live") === "1" || params.get("live") === PAUSED,
    paused: params.get("live") === PAUSED,
    columns: unique((params.get("columns") ?? "").split(",").map(decodeName)),
    open: params.get("open"),
    histogram: params.get("histogram") !== "0",
    by: readBy(params.get("by")),
    order: params.get("order") === "oldest" ? "oldest" : "newest",
    show: SHOWINGS.find((name) => name === params.get("show")) ?? null,
    measure: params.get("measure"),
    sort: readTableSort(params.get("sort")),
    panel: PANELS.find((name) => name === params.get("panel")) ?? null,
    context: readContext(params),
    saved: params.get("saved"),
    values: Object.fromEntries([...params].filter(([name]) => name.startsWith(VALUE_PREFIX)).map(([name, value]) => [name.slice(VALUE_PREFIX.length), value])),
  }),
  write: (view) =>
    build([
      ["query", view.query],
      ...rangePairs(view.range),
      ["live", view.live ? (view.paused ? PAUSED : "1") : ""],
      ["columns", view.columns.map(encodeName).join(",")],
      ["open", view.open ?? ""],
      ["histogram", view.histogram ? "" : "0"],
      ["by", view.by === DEFAULT_BY ? "" : view.by || NO_FIELD],
      ["order", view.order === "newest" ? "" : view.order],
      ["show", view.show ?? ""],
      ["measure", view.measure ?? ""],
      ["sort", view.sort === null ? "" : `${view.sort.descending ? "-" : "+"}${view.sort.column}`],
      ["panel", view.panel ?? ""],
      ...contextPairs(view.context),
      ["saved", view.saved ?? ""],
      // Empty values count too: they take the place of a default.
      ...Object.entries(view.values).map(([name, value]): [string, string] => [`${VALUE_PREFIX}${name}`, value]),
    ]),
};

const SHOWINGS = ["table", "lines", "bars"] as const;
const PANELS = ["saved", "explain"] as const;

export const METRICS: Codec<MetricsView> = {
  read: (params) => {
    // `g0.expr` is how Prometheus' own page, and the links in its alerts, name an expression.
    const own = params.getAll("expr");
    const foreign = [...params].filter(([name]) => /^g\d+\.expr$/.test(name)).map(([, value]) => value);
    const expressions = own.length > 0 ? own : foreign;
    const step = Number(params.get("step"));
    const tab = params.get("tab") ?? (foreign.length > 0 && params.get("g0.tab") === "1" ? "table" : "graph");
    return {
      expressions: expressions.length > 0 ? expressions : [""],
      range: readRange(params, { from: "now-1h", to: "now" }),
      tab: tab === "table" ? "table" : "graph",
      step: Number.isFinite(step) && step > 0 ? step : null,
      zero: params.get("zero") === "1",
      explain: params.get("explain") === "1",
      exemplars: params.get("exemplars") === "1",
      browse: params.get("browse") === "1",
    };
  },
  write: (view) =>
    build([
      ...view.expressions.filter((expr, _, all) => expr !== "" || all.length > 1).map((expr): [string, string] => ["expr", expr]),
      ...rangePairs(view.range, { from: "now-1h", to: "now" }),
      ["tab", view.tab === "table" ? "table" : ""],
      ["step", view.step === null ? "" : String(view.step)],
      ["zero", view.zero ? "1" : ""],
      ["explain", view.explain ? "1" : ""],
      ["exemplars", view.exemplars ? "1" : ""],
      ["browse", view.browse ? "1" : ""],
    ]),
};

export const ALERTS: Codec<AlertsView> = {
  read: (params) => {
    const state = params.get("state");
    return {
      filter: params.get("filter") ?? "",
      state: state === "firing" || state === "pending" || state === "inactive" ? state : null,
      open: params.get("open"),
    };
  },
  write: (view) => build([["filter", view.filter], ["state", view.state ?? ""], ["open", view.open ?? ""]]),
};

export const INPUTS: Codec<InputsView> = {
  read: (params) => ({
    filter: params.get("filter") ?? "",
    unhealthy: params.get("unhealthy") === "1",
    open: params.get("open"),
    sort: readSort(params.get("sort") ?? ""),
  }),
  write: (view) => build([["filter", view.filter], ["unhealthy", view.unhealthy ? "1" : ""], ["open", view.open ?? ""], ["sort", sortText(view.sort)]]),
};

/** A page's path: one segment. `/metrics` is where Watchfire exposes its own, so the page is at `/graph`, as Prometheus' is. */
export function pathOf(page: PageName): string {
  return page === "metrics" ? "graph" : page;
}

/** The page of an address's last path segment; Prometheus' own page names are understood. */
export function pageOf(path: string): PageName {
  switch (path.slice(path.lastIndexOf("/") + 1)) {
    case "graph":
    case "query":
      return "metrics";
    case "alerts":
    case "rules":
      return "alerts";
    case "inputs":
    case "targets":
      return "inputs";
    case "storage":
      return "storage";
    default:
      return "logs";
  }
}

function readRange(params: URLSearchParams, fallback: TimeRange = DEFAULT_RANGE): TimeRange {
  return { from: params.get("from") || fallback.from, to: params.get("to") || fallback.to };
}

function rangePairs(range: TimeRange, fallback: TimeRange = DEFAULT_RANGE): [string, string][] {
  return range.from === fallback.from && range.to === fallback.to ? [] : [["from", range.from], ["to", range.to]];
}

function readBy(text: string | null): string {
  return text === null || text === "" ? DEFAULT_BY : text === NO_FIELD ? "" : text;
}

/** `+name` or `-name` from the greatest down. */
function readTableSort(text: string | null): TableSort | null {
  return text === null || !/^[+-]/.test(text) ? null : { column: text.slice(1), descending: text.startsWith("-") };
}

function readContext(params: URLSearchParams): ContextView | null {
  const id = params.get("context");
  if (id === null || id === "") {
    return null;
  }
  const records = (name: string) => {
    const asked = Number(params.get(name) ?? CONTEXT_RECORDS);
    return Number.isInteger(asked) && asked >= 0 ? Math.min(asked, CONTEXT_RECORDS_MAX) : CONTEXT_RECORDS;
  };
  return { id, same: params.get("same") || "container", before: records("before"), after: records("after") };
}

function contextPairs(context: ContextView | null): [string, string][] {
  if (context === null) {
    return [];
  }
  const records = (name: string, asked: number): [string, string] => [name, asked === CONTEXT_RECORDS ? "" : String(asked)];
  return [["context", context.id], ["same", context.same === "container" ? "" : context.same], records("before", context.before), records("after", context.after)];
}

/** `received`, or `-received` from the greatest down. */
function readSort(text: string): ContainerSort {
  const column = CONTAINER_COLUMNS.find((name) => name === text.replace(/^-/, ""));
  return column ? { column, descending: text.startsWith("-") } : DEFAULT_SORT;
}

function sortText({ column, descending }: ContainerSort): string {
  return column === DEFAULT_SORT.column && descending === DEFAULT_SORT.descending ? "" : `${descending ? "-" : ""}${column}`;
}

function build(pairs: readonly [name: string, value: string][]): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of pairs) {
    if (value !== "" || name === "expr" || name.startsWith(VALUE_PREFIX)) {
      params.append(name, value);
    }
  }
  return params;
}

function encodeName(name: string): string {
  return name.replace(/[%,]/g, (char) => (char === "," ? "%2C" : "%25"));
}

function decodeName(name: string): string {
  return name.replace(/%2C|%25/g, (code) => (code === "%2C" ? "," : "%"));
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].filter((name) => name !== "");
}
