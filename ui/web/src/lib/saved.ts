// Saved searches: their parameters, and a query with values put in.

import type { Parameter, SavedSearch } from "../api/saved";
import { quoted } from "./log-query";
import type { TimeRange } from "./time-range";

/** Values by the names of parameters. */
export type Values = Readonly<Record<string, string>>;

/** What a saved search may be called: it stands in addresses. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

// What is escaped, quoted or a regular expression, and `$name` elsewhere: the server tells them apart in the same way.
const PIECE = /\\.|"(?:[^"\\]|\\.)*"?|(?<=^|[\s(:!\-+|&,=])\/(?:[^/\\]|\\.)*\/|\$([A-Za-z_][A-Za-z0-9_]*)/gsu;

/** The names after `$` in a query, each once, in order; inside quotes and regular expressions `$` is a sign like others. */
export function parameterNames(query: string): readonly string[] {
  return [...new Set([...query.matchAll(PIECE)].flatMap((match) => (match[1] === undefined ? [] : [match[1]])))];
}

/** The query with each `$name` replaced by its value as a quoted literal; unknown names stay. */
export function expand(query: string, values: Values): string {
  return query.replace(PIECE, (piece, name: string | undefined) => {
    const value = name === undefined ? undefined : values[name];
    return value === undefined ? piece : quoted(value);
  });
}

/** Every parameter's value: as given, else its default. */
export function valuesFor(parameters: readonly Parameter[], given: Values): Values {
  return Object.fromEntries(parameters.map(({ name, default: fallback }) => [name, given[name] ?? fallback ?? ""]));
}

/** The parameters of an edited query: known ones keep their default and description. */
export function parametersFor(query: string, known: readonly Parameter[]): readonly Parameter[] {
  return parameterNames(query).map((name) => known.find((parameter) => parameter.name === name) ?? { name, default: "", description: "" });
}

/** The range that a saved search brings: `1h` is the last hour; `null` leaves the reader's. */
export function rangeOf(saved: Pick<SavedSearch, "range">): TimeRange | null {
  return saved.range !== undefined && saved.range !== null && /^\d{1,6}[smhdw]$/.test(saved.range) ? { from: `now-${saved.range}`, to: "now" } : null;
}

/** How a range is saved: `1h` for the last hour, nothing for fixed dates. */
export function savedRange(range: TimeRange): string | undefined {
  return range.to === "now" ? /^now-(\d{1,6}[smhdw])$/.exec(range.from)?.[1] : undefined;
}

/** A name made of a description, for a search that has none yet. */
export function nameFor(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);
}

