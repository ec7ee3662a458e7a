// One record opened: its whole message and every field, each with what can be done with it.

import { useState } from "preact/hooks";
import type { FieldValue, LogRecord } from "../api/logs";
import { bytes } from "../lib/format";
import { levelOf } from "../lib/level";
import { containerOf } from "../lib/records";
import type { FilterMode } from "../lib/log-query";
import { CopyButton } from "./copy-button";
import { Icon } from "./icon";

/** Text longer than this is cut until asked for; characters. */
const TEXT_MAX = 16_384;
/** Fields shown before asked for more. */
const FIELDS_MAX = 200;

interface Props {
  readonly record: LogRecord;
  readonly columns: readonly string[];
  /** Opens the records around this one. */
  onContext?(id: string): void;
  onFilter(field: string, value: string, mode: FilterMode): void;
  onColumn(field: string): void;
}

export function RecordDetail({ record, columns, onContext, onFilter, onColumn }: Props) {
  const [all, setAll] = useState(false);
  const level = levelOf(record.level);
  const container = containerOf(record);
  const own: readonly (readonly [name: string, value: FieldValue])[] = [
    ["host", record.host],
    ...(record.level === null ? [] : ([["level", record.level]] as const)),
    ["stream", record.stream],
  ];
  const fields = [...own, ...Object.entries(record.fields).sort(([a], [b]) => a.localeCompare(b))];
  const shown = all ? fields : fields.slice(0, FIELDS_MAX);
  return (
    <div class="detail">
      <Text class="message" text={record.message} />
      <div class="tools">
        <CopyButton label="Copy the record as JSON" text={() => JSON.stringify(record, null, 2)}>
          JSON
        </CopyButton>
        <CopyButton label="Copy the message" text={() => record.message}>
          Message
        </CopyButton>
        <CopyButton label="Copy a link to this record" text={() => location.href}>
          Link
        </CopyButton>
        {onContext && (
          <button type="button" class="button quiet small" title="What was logged before and after" onClick={() => onContext(record.id)}>
            <Icon name="around" />
            Context
          </button>
        )}
        {container && (
          <button type="button" class="button quiet small" title={`Only ${container.field} ${container.value}`} onClick={() => onFilter(container.field, container.value, "include")}>
            <Icon name="box" />
            This container only
          </button>
        )}
      </div>
      <dl>
        {shown.map(([name, value]) => {
          const text = String(value);
          const said = name === "level" ? `${text} ${level.name}` : text;
          return (
            <div key={name} class="pair" data-field={name} data-value={text}>
              <dt>{name}</dt>
              <dd>
                <Text text={said} />
              </dd>
              <dd class="actions">
                <button type="button" class="tool" aria-label={`Only ${name} ${said}`} title="Only these" onClick={() => onFilter(name, text, "include")}>
                  <Icon name="plus" />
                </button>
                <button type="button" class="tool" aria-label={`Not ${name} ${said}`} title="Not these" onClick={() => onFilter(name, text, "exclude")}>
                  <Icon name="minus" />
                </button>
                <button
                  type="button"
                  class="tool"
                  aria-pressed={columns.includes(name)}
                  aria-label={`Show ${name} as a column`}
                  title="Column"
                  onClick={() => onColumn(name)}
                >
                  <Icon name="column" />
                </button>
                <CopyButton label={`Copy ${name}`} text={() => text} />
              </dd>
            </div>
          );
        })}
        <div class="pair">
          <dt>time</dt>
          <dd>{record.time}</dd>
        </div>
        <div class="pair">
          <dt>received</dt>
          <dd>{record.received}</dd>
        </div>
      </dl>
      {fields.length > shown.length && (
        <button type="button" class="button small" onClick={() => setAll(true)}>
          Show all {fields.length} fields
        </button>
      )}
    </div>
  );
}

function Text({ text, class: name }: { readonly text: string; readonly class?: string }) {
  const [whole, setWhole] = useState(false);
  const cut = !whole && text.length > TEXT_MAX;
  return (
    <span class={name}>
      {cut ? text.slice(0, TEXT_MAX) : text}
      {cut && (
        <button type="button" class="button small" onClick={() => setWhole(true)}>
          … show all {bytes(text.length)}
        </button>
      )}
    </span>
  );
}
