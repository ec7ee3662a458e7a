// One expression: its editor, and under it what the engine had to say.

import { Suspense, lazy } from "preact/compat";
import type { Failure } from "../../api/client";
import { Icon } from "../../components/icon";
import { errorPosition } from "../../lib/series";

const PromqlEditor = lazy(() => import("../../components/promql-editor"));

interface Props {
  readonly index: number;
  readonly value: string;
  /** The expression as it ran, to point at the failure's position in it. */
  readonly ran: string;
  readonly failure: Failure | null;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
  readonly only: boolean;
  onChange(value: string): void;
  onRun(): void;
  onRemove(): void;
}

/** `A`, `B`, … as expressions are called beside their editors and in the table. */
export function letter(index: number): string {
  return String.fromCharCode(65 + (index % 26));
}

export function Expression(props: Props) {
  const { index, value, only } = props;
  const label = `Expression ${letter(index)}`;
  return (
    <div class="expression">
      <div class={`box${props.failure ? " wrong" : ""}`}>
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
              onChange={props.onChange}
              onRun={props.onRun}
            />
          </Suspense>
        </div>
        {!only && (
          <button type="button" class="button quiet small" aria-label={`Remove ${label}`} title="Remove" onClick={props.onRemove}>
            <Icon name="close" />
          </button>
        )}
      </div>
      {props.failure && props.failure.kind !== "cancelled" && <Said failure={props.failure} ran={props.ran} />}
      {props.warnings.map((text) => (
        <p key={text} class="said warning">
          {text}
        </p>
      ))}
      {props.infos.map((text) => (
        <p key={text} class="said">
          {text}
        </p>
      ))}
    </div>
  );
}

function Said({ failure, ran }: { readonly failure: Failure; readonly ran: string }) {
  const position = errorPosition(failure.message);
  const line = position ? ran.split("\n")[position.line - 1] : undefined;
  return (
    <div class="said error" role="alert">
      {position && line !== undefined && line !== "" && (
        <pre aria-hidden="true">
          {line.slice(0, position.column - 1)}
          <mark>{line.slice(position.column - 1, position.column) || " "}</mark>
          {line.slice(position.column)}
        </pre>
      )}
      <p>{failure.message}</p>
    </div>
  );
}
