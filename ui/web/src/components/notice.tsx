// Something the reader should know, in words.

import type { ComponentChildren } from "preact";
import type { Failure } from "../api/client";

export function Notice(props: { readonly severity: "error" | "warning" | "info"; readonly title?: string; readonly children: ComponentChildren }) {
  return (
    <div class={`notice ${props.severity}`} role={props.severity === "error" ? "alert" : "status"}>
      {props.title !== undefined && <b>{props.title}</b>}
      {props.children}
    </div>
  );
}

/** A failure with what can be done about it. */
export function FailureNotice({ failure, what, onRetry }: { readonly failure: Failure; readonly what: string; readonly onRetry?: () => void }) {
  return (
    <Notice severity="error" title={what}>
      <span>{failure.message}</span>
      {onRetry && (
        <button type="button" class="button small" onClick={onRetry}>
          Try again
        </button>
      )}
    </Notice>
  );
}
