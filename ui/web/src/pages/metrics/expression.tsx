// One expression: its editor, and what the engine had to say, where it says it of a place or else below.

import { Suspense, lazy } from "preact/compat";
import type { Failure } from "../../api/client";
import type { EditorMark } from "../../components/editor-marks";
import { Icon } from "../../components/icon";
import type { EditorHandle } from "../../components/promql-editor";
import { remark, type Place, type Remark } from "../../lib/remarks";

const PromqlEditor = lazy(() => import("../../components/promql-editor"));

interface Props {
  readonly index: number;
  readonly value: string;
  /** The expression as it ran, which remarks are about. */
  readonly ran: string;
  readonly failure: Failure | null;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
  /** A piece of the expression as it ran that is looked at elsewhere. */
  readonly lit: Place | null;
  readonly only: boolean;
  onChange(value: string): void;
  onRun(): void;
  onRemove(): void;
  onHandle(handle: EditorHandle | null): void;
  onFocus(): void;
}

/** `A`, `B`, … as expressions are called beside their editors and in the table. */
export function letter(index: number): string {
  return String.fromCharCode(65 + (index % 26));
}

export function Expression(props: Props) {
  const { index, value, ran, failure, only } = props;
  const label = `Expression ${letter(index)}`;
  const remarks = [
    ...(failure && failure.kind !== "cancelled" ? [remark("error", failure.message, ran)] : []),
    ...props.warnings.map((text) => remark("warning", text, ran)),
    ...props.infos.map((text) => remark("info", text, ran)),
  ];
  // A text that was changed since has other places.
  const same = value === ran;
  const marks: readonly EditorMark[] = same ? [...(props.lit ? [{ kind: "lit" as const, text: "", ...props.lit }] : []), ...remarks.flatMap(marked)] : [];
  return (
    <div class="expression">
      <div class={`box${failure && failure.kind !== "cancelled" ? " wrong" : ""}`}>
        <span class="letter" aria-hidden="true">
          {letter(index)}
        </span>
        <div class="field" id={index === 0 ? "query" : undefined} tabIndex={-1}>
          <Suspense
            fallback={
              <textarea class="plain" rows={1} aria-label={label} value={value} spellcheck={false} onInput={(event) => props.onChange(event.currentTarget.value)} />
            }
          >
            <PromqlEditor
              initial={value}
              label={label}
              placeholder="PromQL: rate(http_requests_total[5m])"
              focus={index === 0 && value === ""}
              marks={marks}
              onChange={props.onChange}
              onRun={props.onRun}
              onHandle={props.onHandle}
              onFocus={props.onFocus}
            />
          </Suspense>
        </div>
        {!only && (
          <button type="button" class="button quiet small" aria-label={`Remove ${label}`} title="Remove" onClick={props.onRemove}>
            <Icon name="close" />
          </button>
        )}
      </div>
      {remarks.map((said) => (
        // What stands in the text is still told to screen readers, which do not read between lines.
        <p key={said.kind + said.text} class={same && said.place ? "hidden-text" : `said ${said.kind}`} role={said.kind === "error" ? "alert" : "status"}>
          {said.text}
        </p>
      ))}
    </div>
  );
}

function marked({ kind, text, place }: Remark): readonly EditorMark[] {
  return place ? [{ kind, text, ...place }] : [];
}
