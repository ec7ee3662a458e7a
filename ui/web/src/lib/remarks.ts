// What the engine says about a query, put where the query's text is meant.

import { byteToIndex } from "./log-query";

export type RemarkKind = "error" | "warning" | "info";

/** A piece of a text in UTF-16 units, end exclusive. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

export interface Remark {
  readonly kind: RemarkKind;
  /** Without the position, where one was understood. */
  readonly text: string;
  readonly place: Place | null;
}

/** `1:5: parse error: …`, as errors name their place. */
const BEFORE = /(?:^|[\s"])(\d{1,6}):(\d{1,6}): /;
/** `… (1:5)`, as warnings and infos do. */
const BEHIND = /\s*\((\d{1,6}):(\d{1,6})\)$/;
/** What is underlined at a place: a word, a number, a quoted text, or one character. */
const PIECE = /^(?:[\p{L}_:][\p{L}\p{N}_:.]*|[\d.][\p{L}\d.]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|.)/su;

/** A message of the engine about a query that it was given. */
export function remark(kind: RemarkKind, message: string, query: string): Remark {
  const match = kind === "error" ? BEFORE.exec(message) : BEHIND.exec(message);
  const place = match ? placeAt(query, Number(match[1]), Number(match[2])) : null;
  if (!match || !place) {
    return { kind, text: message, place: null };
  }
  const bare = kind === "error" ? message.slice(match.index + match[0].length) : message.slice(0, match.index).replace(/^PromQL (?:warning|info): /, "");
  return { kind, text: bare, place };
}

/** The piece of text at a line and a column in bytes, both from 1; `null` beyond the text. */
export function placeAt(text: string, line: number, column: number): Place | null {
  const lines = text.split("\n");
  const own = lines[line - 1];
  if (own === undefined || text === "") {
    return null;
  }
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  const start = before + byteToIndex(own, column - 1);
  const piece = PIECE.exec(text.slice(start))?.[0];
  // At the end there is nothing to underline but what came last.
  return piece === undefined || piece === "\n" ? { start: Math.max(0, start - 1), end: Math.max(1, start) } : { start, end: start + piece.length };
}
