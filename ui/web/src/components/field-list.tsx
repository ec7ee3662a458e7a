// The fields of what was found, with their most frequent values to filter by.

import { useState } from "preact/hooks";
import type { FieldSummary } from "../api/logs";
import { compact, count } from "../lib/format";
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
  onFilter(field: string, value: string, mode: FilterMode): void;
  onColumn(field: string): void;
}

export function FieldList({ fields, query, columns, onFilter, onColumn }: Props) {
  const [filter, setFilter] = useState("");
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const words = filter.trim().toLowerCase();
  const shown = (fields ?? []).filter((field) => field.name.toLowerCase().includes(words) || field.values.some((entry) => entry.value.toLowerCase().includes(words)));
  const ordered = [...shown].sort((a, b) => rank(a.name) - rank(b.name) || b.records - a.records || a.name.localeCompare(b.name));
  const openFirst = new Set(OPEN_FIRST.filter((name) => shown.some((field) => field.name === name)).slice(0, OPEN_FIRST_MAX));

  return (
    <section class="fields" aria-label="Fields">
      <input class="input" type="search" placeholder="Find a field or value" aria-label="Find a field or value" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      {fields === null && <p class="waiting">Counting fields…</p>}
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
                  <small>{compact(field.records)}</small>
                </button>
                <button
                  type="button"
                  class="tool"
                  aria-pressed={columns.includes(field.name)}
                  aria-label={`Show ${field.name} as a column`}
                  title="Column"
                  onClick={() => onColumn(field.name)}
                >
                  <Icon name="column" />
                </button>
              </div>
              {open && <Values field={field} words={words} query={query} onFilter={onFilter} />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Values({ field, words, query, onFilter }: { readonly field: FieldSummary; readonly words: string } & Pick<Props, "query" | "onFilter">) {
  // Levels stand by severity; the values of other fields by how often they occur, as they come.
  const ordered = field.name === "level" ? [...field.values].sort((a, b) => Number(a.value) - Number(b.value)) : field.values;
  const matching = ordered.filter((entry) => field.name.toLowerCase().includes(words) || entry.value.toLowerCase().includes(words));
  const top = Math.max(1, ...field.values.map((entry) => entry.records));
  return (
    <ul class="values">
      {matching.map(({ value, records }) => {
        const chosen = hasCondition(query, field.name, value);
        const level = field.name === "level" ? levelOf(value) : null;
        const text = level ? level.name : value === "" ? "(empty)" : value;
        return (
          <li key={value} class={chosen ?? ""}>
            <span class="share" style={{ width: `${(records / top) * 100}%`, ...(level ? { background: `var(${level.tone})` } : {}) }} />
            <span class="value" title={value}>
              {text}
            </span>
            <span class="number">{compact(records)}</span>
            <button
              type="button"
              class="tool"
              aria-pressed={chosen === "include"}
              aria-label={`Only ${field.name} ${text}`}
              title="Only these"
              onClick={() => onFilter(field.name, value, "include")}
            >
              <Icon name="plus" />
            </button>
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
      {matching.length === 0 && <li class="none">too many values to count</li>}
    </ul>
  );
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
