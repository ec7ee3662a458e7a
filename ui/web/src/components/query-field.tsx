// The one-line query: Enter runs it, a mistake is underlined where it stands.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { byteToIndex } from "../lib/log-query";
import { Icon } from "./icon";

export interface Mistake {
  readonly message: string;
  /** Byte offsets into the query that was run. */
  readonly start?: number;
  readonly end?: number;
}

/** Id of the form, for a run button elsewhere in the bar. */
export const QUERY_FORM = "query-form";

interface Props {
  /** The query that runs. */
  readonly query: string;
  readonly mistake: Mistake | null;
  readonly placeholder: string;
  readonly label: string;
  onRun(query: string): void;
}

export function QueryField({ query, mistake, placeholder, label, onRun }: Props) {
  const [draft, setDraft] = useState(query);
  const [scroll, setScroll] = useState(0);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => setDraft(query), [query]);
  useLayoutEffect(() => setScroll(input.current?.scrollLeft ?? 0), [draft, mistake]);

  // The mistake belongs to the query as it ran; once edited, its position no longer holds.
  const position = mistake?.start === undefined || draft !== query ? null : underline(query, mistake.start, mistake.end);
  return (
    <form
      id={QUERY_FORM}
      class="query-field grow"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        onRun(draft);
      }}
    >
      <div class="box">
        <Icon name="filter" />
        <input
          ref={input}
          id="query"
          class="input code"
          type="text"
          value={draft}
          placeholder={placeholder}
          aria-label={label}
          aria-invalid={mistake !== null}
          aria-describedby={mistake ? "query-mistake" : undefined}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          enterkeyhint="search"
          onScroll={(event) => setScroll(event.currentTarget.scrollLeft)}
          onInput={(event) => setDraft(event.currentTarget.value)}
        />
      </div>
      {mistake && (
        <p class="mistake" id="query-mistake" role="alert">
          {position && (
            <span class="underline" aria-hidden="true" style={{ left: `calc(31px + ${position.start}ch - ${scroll}px)`, width: `${position.length}ch` }} />
          )}
          {mistake.message}
        </p>
      )}
    </form>
  );
}

function underline(query: string, startByte: number, endByte: number | undefined) {
  const start = byteToIndex(query, startByte);
  const end = endByte === undefined ? start + 1 : byteToIndex(query, endByte);
  return { start, length: Math.max(1, end - start) };
}
