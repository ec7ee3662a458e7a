// The pipes of the search language, for completion and to know whether a query gives records or a table.

import { segments } from "./query-text";

export interface Pipe {
  readonly name: string;
  /** What may stand after the name. */
  readonly syntax: string;
  readonly about: string;
  /** `records`: each record by itself, the answer is still records. `table`: the answer is rows of its own. */
  readonly gives: "records" | "table";
  /** Other names that mean the same. */
  readonly also?: readonly string[];
}

export const PIPES: readonly Pipe[] = [
  { name: "stats", syntax: "count() by (field, _time:5m)", about: "count, sum and average by field and time", gives: "table" },
  { name: "top", syntax: "10 by field", about: "the most frequent values", gives: "table" },
  { name: "uniq", syntax: "by (field)", about: "each combination of values once", gives: "table", also: ["unique", "distinct"] },
  { name: "sort", syntax: "by (field desc) limit 10", about: "order by fields", gives: "table", also: ["order"] },
  { name: "filter", syntax: "query", about: "only what also matches", gives: "records", also: ["where"] },
  { name: "fields", syntax: "a, b", about: "only these fields", gives: "records", also: ["keep", "table"] },
  { name: "drop", syntax: "a, b", about: "without these fields", gives: "records", also: ["delete", "del", "remove", "rm"] },
  { name: "rename", syntax: "a as b", about: "another name for a field", gives: "records", also: ["mv"] },
  { name: "limit", syntax: "100", about: "at most so many", gives: "records", also: ["head"] },
  { name: "offset", syntax: "100", about: "leave out the first", gives: "records", also: ["skip"] },
  { name: "extract", syntax: '"took <ms> ms" from field', about: "fields out of a text by a pattern", gives: "records" },
  { name: "extract_regexp", syntax: '"(?P<name>…)" from field', about: "fields out of a text by a regular expression", gives: "records", also: ["extract_regex"] },
  { name: "unpack_json", syntax: "from field prefix p", about: "fields out of JSON text", gives: "records", also: ["json"] },
  { name: "unpack_logfmt", syntax: "from field prefix p", about: "fields out of key=value text", gives: "records", also: ["logfmt"] },
  { name: "replace", syntax: '("a", "b") at field', about: "replace a text", gives: "records" },
  { name: "replace_regexp", syntax: '("a+", "b") at field', about: "replace what a regular expression finds", gives: "records", also: ["replace_regex"] },
  { name: "format", syntax: '"<a> of <b>" as field', about: "a text made of fields", gives: "records" },
  { name: "math", syntax: "a / 1000 as b", about: "calculate with fields", gives: "records", also: ["eval"] },
  { name: "collapse_nums", syntax: "at field", about: "numbers become <N>, so that alike messages are equal", gives: "records" },
  { name: "sample", syntax: "100", about: "one record of so many", gives: "records" },
  { name: "context", syntax: "5", about: "the lines around each hit, of the same container", gives: "table", also: ["stream_context"] },
];

/** Functions of `stats`. */
export const FUNCTIONS: readonly { readonly name: string; readonly about: string }[] = [
  { name: "count", about: "records, or those with a field" },
  { name: "count_uniq", about: "different values" },
  { name: "sum", about: "sum of a field" },
  { name: "avg", about: "mean of a field" },
  { name: "min", about: "least value" },
  { name: "max", about: "greatest value" },
  { name: "median", about: "the middle value" },
  { name: "p90", about: "90th percentile" },
  { name: "p95", about: "95th percentile" },
  { name: "p99", about: "99th percentile" },
  { name: "quantile", about: "quantile(0.95, field)" },
  { name: "values", about: "all different values" },
  { name: "first", about: "value of the earliest record" },
  { name: "last", about: "value of the latest record" },
  { name: "rate", about: "records a second" },
];

/** The pipe of a name, by whichever of its names. */
export function pipeNamed(name: string): Pipe | undefined {
  return PIPES.find((pipe) => pipe.name === name || pipe.also?.includes(name));
}

/** The names of the query's pipes, in order. */
export function pipeNames(query: string): readonly string[] {
  return segments(query)
    .slice(1)
    .map((segment) => /^\s*([\p{L}\p{N}_]*)/u.exec(segment.text)?.[1]?.toLowerCase() ?? "");
}

/** Whether the answer is a table of its own rather than records. */
export function givesTable(query: string): boolean {
  return pipeNames(query).some((name) => pipeNamed(name)?.gives === "table");
}

/** The fields that the rows of the query's table stand for: what its last grouping pipe has after `by`, times without their step. */
export function groupNames(query: string): readonly string[] {
  const pipe = segments(query)
    .slice(1)
    .map((segment) => segment.text.trim())
    .filter((text) => /^(?:stats|top|uniq|unique|distinct)\b/iu.test(text))
    .at(-1);
  if (pipe === undefined) {
    return [];
  }
  const named = /\bby\s*\(([^()]*)\)/iu.exec(pipe)?.[1] ?? /\bby\s+([^()]*)$/iu.exec(pipe)?.[1] ?? /^top\s+\d+\s*\(?([^()]*)/iu.exec(pipe)?.[1] ?? "";
  return named.split(",").flatMap((part) => /^\s*"?([^\s":]+(?:[^":]*[^\s":])?)"?/u.exec(part.replace(/\s+(?:limit|hits|tz|offset)\b.*$/iu, ""))?.[1] ?? []);
}

/** Whether a row of the query's table stands for records of its searching part: what it groups by are fields of theirs. */
export function countsRecords(query: string): boolean {
  const [first, ...rest] = pipeNames(query);
  return ["stats", "top", "uniq"].includes(pipeNamed(first ?? "")?.name ?? "") && rest.every((name) => ["sort", "limit", "offset"].includes(pipeNamed(name)?.name ?? ""));
}
