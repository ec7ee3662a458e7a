// The fields of what was found, with their most frequent values to filter by.

import { useState } from "preact/hooks";
import type { FieldSummary } from "../api/logs";
import { compact, count } from "../lib/format";
import { fieldType } from "../lib/fields";
import { levelOf } from "../lib/level";
import { hasCondition, type FilterMode } from "../lib/log-query";
import { Icon } from "./icon";

/** Fields that are open before the reader chose. */
const OPEN_FIRST = ["level", "service", "host", "container_name"];
/** Open at once at most, so that the list starts short. */
const OPEN_FIRST_MAX = 3;

interface Props {
  readonly fields: readonly FieldSummary[] | null;
  readonly query: string;
  readonly columns: readonly string[];
  /** Values counted per field; a field that has so many probably has more. */
  readonly values: number;
  /** Fields of which more values are shown already. */
  readonly more: ReadonlySet<string>;
  readonly stale: boolean;
  onFilter(field: string, value: string, mode: FilterMode): void;
  onColumn(field: string): void;
  /** Makes this field the only column. */
  onOnlyColumn(field: string): void;
  onMore(field: string): void;
}

export function FieldList(props: Props) {
  const { fields, columns, stale } = props;
  const [filter, setFilter] = useState("");
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const words = filter.trim().toLowerCase();
  const shown = (fields ?? []).filter((field) => field.name.toLowerCase().includes(words) || field.values.some((entry) => entry.value.toLowerCase().includes(words)));
  const ordered = [...shown].sort((a, b) => rank(a.name) - rank(b.name) || b.records - a.records || a.name.localeCompare(b.name));
  const openFirst = new Set(OPEN_FIRST.filter((name) => shown.some((field) => field.name === name)).slice(0, OPEN_FIRST_MAX));

  return (
    <section class={`fields${stale ? " stale" : ""}`} aria-label="Fields" aria-busy={fields === null}>
      <input class="input" type="search" placeholder="Find a field or value" aria-label="Find a field or value" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      {fields === null && <Skeleton />}
      {fields !== null && ordered.length === 0 && <p class="waiting">{fields.length === 0 ? "No fields: nothing was found." : "No field has this name or value."}</p>}
      <ul>
        {ordered.map((field) => {
          const open = words !== "" || openFirst.has(field.name) !== toggled.has(field.name);
          return (
            <li key={field.name} class="field">
              <div class="name">
                <button
                  type="button"
                  aria-expanded={open}
                  onClick={() => setToggled((names) => flipped(names, field.name))}
                  title={`${field.name}: ${field.types.join(", ")} in ${count(field.records)} records`}
                >
                  <Icon name="chevron" />
                  <span>{field.name}</span>
                  <small class="type">{fieldType(field.types)}</small>
                  <small>{short(field.records)}</small>
                </button>
                <button
                  type="button"
                  class="tool"
                  aria-pressed={columns.length === 1 && columns[0] === field.name}
                  aria-label={`Only ${field.name} as a column`}
                  title="Only this column"
                  onClick={() => props.onOnlyColumn(field.name)}
                >
                  <Icon name="only" />
                </button>
                <button
                  type="button"
                  class="tool"
                  aria-pressed={columns.includes(field.name)}
                  aria-label={`Show ${field.name} as a column`}
                  title="Column"
                  onClick={() => props.onColumn(field.name)}
                >
                  <Icon name="column" />
                </button>
              </div>
              {open && <Values {...props} field={field} words={words} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Values(props: Props & { readonly field: FieldSummary; readonly words: string }) {
  const { field, words, query, onFilter } = props;
  // Levels stand by severity; the values of other fields by how often they occur, as they come.
  const ordered = field.name === "level" ? [...field.values].sort((a, b) => Number(a.value) - Number(b.value)) : field.values;
  const matching = ordered.filter((entry) => field.name.toLowerCase().includes(words) || entry.value.toLowerCase().includes(words));
  const top = Math.max(1, ...field.values.map((entry) => entry.records));
  return (
    <ul class="values" aria-label={`Values of ${field.name}`}>
      {matching.map(({ value, records }) => {
        const chosen = hasCondition(query, field.name, value);
        const level = field.name === "level" ? levelOf(value) : null;
        const text = level ? level.name : value === "" ? "(empty)" : value;
        return (
          <li key={value} class={chosen ?? ""}>
            <span class="share" style={{ width: `${(records / top) * 100}%`, ...(level ? { background: `var(${level.tone})` } : {}) }} />
            <button
              type="button"
              class="value"
              aria-pressed={chosen === "include"}
              aria-label={`Only ${field.name} ${text}, ${count(records)} records`}
              title={`${value}\n${count(records)} records. Click: only these.`}
              onClick={() => onFilter(field.name, value, "include")}
            >
              {text}
            </button>
            <span class="number">{short(records)}</span>
            <button
              type="button"
              class="tool"
              aria-pressed={chosen === "exclude"}
              aria-label={`Not ${field.name} ${text}`}
              title="Not these"
              onClick={() => onFilter(field.name, value, "exclude")}
            >
              <Icon name="minus" />
            </button>
          </li>
        );
      })}
      {matching.length === 0 && <li class="none">{field.values.length === 0 ? "too many values to count" : "no such value"}</li>}
      {field.values.length >= props.values && !props.more.has(field.name) && (
        <li class="all">
          <button type="button" class="button quiet small" onClick={() => props.onMore(field.name)}>
            More values
            <span class="hidden-text"> of {field.name}</span>
          </button>
        </li>
      )}
    </ul>
  );
}

function Skeleton() {
  return (
    <div class="skeleton" role="status">
      <span class="hidden-text">Counting fields…</span>
      {Array.from({ length: 12 }, (_, index) => (
        <i key={index} style={{ width: `${40 + ((index * 29) % 50)}%` }} />
      ))}
    </div>
  );
}

/** Exact as long as it has room. */
function short(records: number): string {
  return records < 1_000_000 ? count(records) : compact(records);
}

function rank(name: string): number {
  const index = OPEN_FIRST.indexOf(name);
  return index < 0 ? OPEN_FIRST.length : index;
}

function flipped(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  const next = new Set(names);
  if (!next.delete(name)) {
    next.add(name);
  }
  return next;
}
