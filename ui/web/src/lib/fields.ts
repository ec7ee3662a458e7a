// Fields of an answer: their types in a word, more values put in, names to choose from.

import type { FieldSummary } from "../api/logs";

const WORDS: Readonly<Record<string, string>> = { string: "text", text: "text", i64: "number", u64: "number", f64: "number", number: "number", bool: "bool", boolean: "bool" };

/** `text`, `number`, `bool` or `mixed`. */
export function fieldType(types: readonly string[]): string {
  const words = new Set(types.map((type) => WORDS[type] ?? type));
  const [only] = words;
  return words.size > 1 ? "mixed" : (only ?? "");
}

/** The fields with longer lists of values where those were asked for. */
export function withValues(fields: readonly FieldSummary[], more: readonly FieldSummary[]): readonly FieldSummary[] {
  return fields.map((field) => {
    const longer = more.find((candidate) => candidate.name === field.name);
    return longer && longer.values.length > field.values.length ? { ...field, values: longer.values } : field;
  });
}

/** Fields that every record can have, whatever was found. */
const OWN = ["level", "host", "stream"] as const;

/** Fields that split a histogram well: the record's own, then those with few values, the fullest first. */
export function splitFields(fields: readonly FieldSummary[], chosen: string): readonly string[] {
  const good = fields.filter((field) => field.values.length > 0 && fieldType(field.types) !== "number" && field.name !== "message").sort((a, b) => b.records - a.records);
  return [...new Set([...OWN, ...good.map((field) => field.name), ...(chosen === "" ? [] : [chosen])])];
}
