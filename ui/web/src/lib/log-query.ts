// Edits of a log query's text: filters added and taken away by click, positions of errors.
// The dialect is Lucene's: `field:value`, `NOT`, quotes, `AND` between neighbours, pipes after `|`.

import { splitPipes, tokenize } from "./query-text";

export type FilterMode = "include" | "exclude";

const BARE_VALUE = /^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/u;
const BARE_FIELD = /^[\p{L}\p{N}_@][\p{L}\p{N}_.@-]*$/u;

/** `service:checkout`, `NOT path:"/a b"`: one condition in the query's dialect. */
export function condition(field: string, value: string, mode: FilterMode): string {
  return `${mode === "exclude" ? "NOT " : ""}${fieldName(field)}:${valueText(value)}`;
}

/** A field's name as the searching part writes it. */
export function fieldName(field: string): string {
  return BARE_FIELD.test(field) ? field : field.replace(/[\s+\-&|!(){}[\]^"~*?:\\/]/gu, (c) => `\\${c}`);
}

/** A value as it is written after `field:`, in quotes where it is more than a word. */
export function valueText(value: string): string {
  const word = NUMBER.test(value) || (BARE_VALUE.test(value) && !/^(AND|OR|NOT|TO)$/u.test(value));
  return word ? value : quoted(value);
}

/** A quoted literal. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/gu, (c) => `\\${c}`)}"`;
}

/** The query with a pipe more at its end. */
export function withPipe(query: string, pipe: string): string {
  return `${query.trim() === "" ? "*" : query.trim()} | ${pipe}`;
}

/** A field that records have with a value, or lack. */
export interface Key {
  readonly field: string;
  readonly value: string | null;
}

/** The searching part of a query, narrowed to records with these keys: what one row of its table counted. */
export function recordsOf(query: string, keys: readonly Key[]): string {
  const [search] = splitPipes(query);
  const conditions = keys.map(({ field, value }) => (value === null ? `NOT _exists_:${fieldName(field)}` : condition(field, value, "include")));
  const kept = search === "*" ? "" : hasAlternatives(search) ? `(${search})` : search;
  return [kept, ...conditions].filter((part) => part !== "").join(" ");
}

/** A proposal of the server put where the mistake is; without a place it is a query instead of this one. */
export function corrected(query: string, suggestion: string, startByte?: number, endByte?: number): string {
  if (startByte === undefined) {
    return suggestion;
  }
  const start = byteToIndex(query, startByte);
  const end = endByte === undefined ? start : byteToIndex(query, endByte);
  return `${query.slice(0, start)}${suggestion}${query.slice(end)}`;
}

/**
 * Adds a condition to a query, before its first pipe. A condition that is there already is taken away
 * (so a second click undoes the first), its opposite is replaced, and alternatives are put in brackets.
 */
export function toggleFilter(query: string, field: string, value: string, mode: FilterMode): string {
  const [search, pipes] = splitPipes(query);
  const wanted = condition(field, value, mode);
  const without = removeCondition(search, field, value);
  if (hasCondition(search, field, value) === mode) {
    return join(without, pipes);
  }
  if (without === "" || without === "*") {
    return join(wanted, pipes);
  }
  return join(`${hasAlternatives(without) ? `(${without})` : without} ${wanted}`, pipes);
}

/** Whether the query includes or excludes the pair at its top level. */
export function hasCondition(query: string, field: string, value: string): FilterMode | null {
  const tokens = tokenize(splitPipes(query)[0]);
  const wanted = condition(field, value, "include");
  const index = tokens.findIndex((token) => token.depth === 0 && token.text === wanted);
  if (index < 0) {
    return null;
  }
  return tokens[index - 1]?.text === "NOT" ? "exclude" : "include";
}

/** The UTF-16 index of a byte offset in the text's UTF-8 form, inside the text. */
export function byteToIndex(text: string, offset: number): number {
  let bytes = 0;
  let index = 0;
  for (const char of text) {
    if (bytes >= offset) {
      return index;
    }
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    index += char.length;
  }
  return text.length;
}

function removeCondition(search: string, field: string, value: string): string {
  const tokens = tokenize(search);
  const wanted = condition(field, value, "include");
  const index = tokens.findIndex((token) => token.depth === 0 && token.text === wanted);
  const found = tokens[index];
  if (!found) {
    return search;
  }
  let first = index;
  if (tokens[first - 1]?.text === "NOT") {
    first -= 1;
  }
  // Its conjunction goes with it; an `OR` beside it would change what the rest means, so the query stays.
  const before = tokens[first - 1]?.text;
  const after = tokens[index + 1]?.text;
  if (before === "OR" || after === "OR") {
    return search;
  }
  let last = index;
  if (before === "AND") {
    first -= 1;
  } else if (after === "AND") {
    last += 1;
  }
  const start = tokens[first]?.start ?? found.start;
  const end = tokens[last]?.end ?? found.end;
  return `${search.slice(0, start).trimEnd()} ${search.slice(end).trimStart()}`.trim();
}

function hasAlternatives(search: string): boolean {
  return tokenize(search).some((token) => token.depth === 0 && token.text === "OR");
}

function join(search: string, pipes: string): string {
  return pipes === "" ? search : search === "" ? `* ${pipes}` : `${search} ${pipes}`;
}
