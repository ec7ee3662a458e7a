// What could be written at the caret of a log query: fields, their values, pipes, functions.

import { fieldName, quoted, valueText } from "./log-query";
import { FUNCTIONS, PIPES, pipeNamed } from "./pipes";
import { segments, type Segment } from "./query-text";

/** What the caret stands in. `start` to the caret is the text that a completion takes the place of. */
export interface Spot {
  readonly kind: "field" | "value" | "pipe" | "argument" | "function";
  readonly start: number;
  /** What is typed of it, without quotes and escapes. */
  readonly typed: string;
  /** The field whose value is being written. */
  readonly field: string | null;
  /** Steps of time can stand here, as among what `stats` groups by. */
  readonly times?: boolean;
}

export interface Completion {
  readonly kind: Spot["kind"];
  readonly label: string;
  readonly about: string;
  /** What takes the place of the typed text; the caret goes behind it. */
  readonly insert: string;
}

export interface KnownField {
  readonly name: string;
  readonly about: string;
}

/** Steps of time to group by. */
const TIMES: readonly Completion[] = ["_time:1m", "_time:5m", "_time:1h", "_time:1d"].map((label) => ({ kind: "argument", label, about: "records of each so much time", insert: label }));

/** Completions offered at once. */
export const COMPLETIONS_MAX = 12;

const WORD = /(?:[\p{L}\p{N}_@.-]|\\.)*$/u;
const VALUE = /((?:[\p{L}\p{N}_@.-]|\\.)+):(?:"((?:[^"\\]|\\.)*)|([^\s()"|<>=[\]{}/]*))$/u;
/** Pipes whose argument is no field. */
const NUMBER_PIPES = new Set(["limit", "offset", "sample", "context"]);

/** Where the caret is, or `null` where nothing can be proposed, as inside a quoted phrase. */
export function spotAt(query: string, caret: number): Spot | null {
  const text = query.slice(0, caret);
  const parts = segments(text);
  const last = parts.at(-1) ?? parts[0];
  if (parts.length === 1) {
    return searchSpot(last);
  }
  const name = /^\s*([\p{L}\p{N}_]*)/u.exec(last.text) ?? ["", ""];
  if (name[0].length === last.text.length) {
    return spot("pipe", last.end, name[1] ?? "", null);
  }
  const pipe = pipeNamed((name[1] ?? "").toLowerCase())?.name ?? "";
  const rest: Segment = { ...last, start: last.start + name[0].length, text: last.text.slice(name[0].length) };
  if (pipe === "filter") {
    return searchSpot(rest);
  }
  if (inQuotes(rest.text) || NUMBER_PIPES.has(pipe)) {
    return null;
  }
  const typed = WORD.exec(rest.text)?.[0] ?? "";
  const before = rest.text.slice(0, rest.text.length - typed.length);
  // A function stands at the beginning, behind `by (…)` and after a comma that is in no bracket; inside brackets stand fields.
  const atFunction = pipe === "stats" && /^(?:[^()]|\([^()]*\))*$/u.test(before) && /(?:^|,|\bby\s*\([^()]*\))\s*$/iu.test(before);
  const grouping = pipe === "stats" && /\bby\s*\([^()]*$/iu.test(before);
  return { ...spot(atFunction ? "function" : "argument", last.end, typed, null), ...(grouping ? { times: true } : {}) };
}

/** What fits the spot, the best first: names that begin with what is typed, then those that hold it. */
export function completions(place: Spot, fields: readonly KnownField[], values: readonly string[]): readonly Completion[] {
  const named = (kind: Spot["kind"], write: (name: string) => string) => fields.map((field): Completion => ({ kind, label: field.name, about: field.about, insert: write(field.name) }));
  switch (place.kind) {
    case "pipe":
      return ranked(place, PIPES.map((pipe) => ({ kind: "pipe" as const, label: pipe.name, about: pipe.about, insert: `${pipe.name} ` })));
    case "function":
      return ranked(place, FUNCTIONS.map((entry) => ({ kind: "function" as const, label: entry.name, about: entry.about, insert: `${entry.name}(` })));
    case "argument":
      return ranked(place, [...(place.times ? TIMES : []), ...named("argument", (name) => (/^[\p{L}\p{N}_@.-]+$/u.test(name) ? name : quoted(name)))]);
    case "field":
      return ranked(place, named("field", (name) => `${fieldName(name)}:`));
    case "value":
      return ranked(place, values.map((value) => ({ kind: "value" as const, label: value === "" ? '""' : value, about: "", insert: `${fieldName(place.field ?? "")}:${valueText(value)} ` })));
  }
}

/** The query with a completion put in, and where the caret is then. */
export function complete(query: string, caret: number, place: Spot, completion: Completion): { readonly query: string; readonly caret: number } {
  const rest = query.slice(caret);
  const insert = completion.insert.endsWith(" ") && rest.startsWith(" ") ? completion.insert.slice(0, -1) : completion.insert;
  return { query: `${query.slice(0, place.start)}${insert}${rest}`, caret: place.start + insert.length };
}

function searchSpot(part: Segment): Spot | null {
  const value = VALUE.exec(part.text);
  if (value) {
    const field = unescaped(value[1] ?? "");
    // The field is written again with its value, so that both are quoted as they must be.
    return { kind: "value", start: part.end - value[0].length, typed: unescaped(value[2] ?? value[3] ?? ""), field };
  }
  return inQuotes(part.text) ? null : spot("field", part.end, WORD.exec(part.text)?.[0].replace(/^-+/u, "") ?? "", null);
}

function spot(kind: Spot["kind"], end: number, typed: string, field: string | null): Spot {
  return { kind, start: end - typed.length, typed: unescaped(typed), field };
}

function ranked(place: Spot, all: readonly Completion[]): readonly Completion[] {
  const typed = place.typed.toLowerCase();
  const begins = all.filter((entry) => entry.label.toLowerCase().startsWith(typed));
  const holds = all.filter((entry) => !entry.label.toLowerCase().startsWith(typed) && entry.label.toLowerCase().includes(typed));
  return [...begins, ...holds].slice(0, COMPLETIONS_MAX);
}

function inQuotes(text: string): boolean {
  return (text.replace(/\\./gu, "").match(/"/gu)?.length ?? 0) % 2 === 1;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gu, "$1");
}
