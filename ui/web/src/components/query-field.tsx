// The query: Enter runs it, a mistake is underlined where it stands, what could be written is offered below the caret.

import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { complete, completions, spotAt, type Completion, type KnownField, type Spot } from "../lib/completion";
import { byteToIndex, corrected } from "../lib/log-query";
import { Icon } from "./icon";

export interface Mistake {
  readonly message: string;
  /** Byte offsets into the query that was run. */
  readonly start?: number;
  readonly end?: number;
  /** What to write there instead. */
  readonly suggestion?: string;
}

/** Id of the form, for a run button elsewhere in the bar. */
export const QUERY_FORM = "query-form";
/** How long typing rests before values are asked for, in milliseconds. */
const VALUES_AFTER_MS = 120;

interface Props {
  /** The query that runs. */
  readonly query: string;
  readonly mistake: Mistake | null;
  readonly placeholder: string;
  readonly label: string;
  readonly fields: readonly KnownField[];
  onRun(query: string): void;
  /** The values of a field that begin as typed, the most frequent first. */
  onValues(field: string, typed: string, signal: AbortSignal): Promise<readonly string[]>;
}

export function QueryField(props: Props) {
  const { query, mistake, placeholder, label } = props;
  const [draft, setDraft] = useState(query);
  const [caret, setCaret] = useState(query.length);
  const [asked, setAsked] = useState<"no" | "typed" | "always">("no");
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLTextAreaElement>(null);
  const list = useId();
  useEffect(() => setDraft(query), [query]);

  const spot = useMemo(() => (asked === "no" ? null : spotAt(draft, caret)), [draft, caret, asked]);
  const values = useValues(spot, props.onValues);
  const offers = useMemo(() => offered(spot, asked, props.fields, values), [spot, asked, props.fields, values]);
  const open = offers.length > 0;

  // The caret of a controlled field has to be put where the completion ends, once the text is there.
  const target = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (target.current !== null) {
      input.current?.setSelectionRange(target.current, target.current);
      target.current = null;
    }
  }, [draft]);

  const run = (text: string) => {
    setAsked("no");
    props.onRun(text);
  };
  const take = (completion: Completion) => {
    if (spot) {
      const done = complete(draft, caret, spot, completion);
      target.current = done.caret;
      setDraft(done.query);
      setCaret(done.caret);
      setChosen(-1);
      input.current?.focus();
    }
  };
  const press = (event: KeyboardEvent) => {
    const offer = offers[chosen];
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      setCaret(input.current?.selectionStart ?? draft.length);
      setAsked("always");
    } else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const by = event.key === "ArrowDown" ? 1 : -1;
      setChosen((now) => (now + by + (now < 0 && by < 0 ? 1 : 0) + offers.length) % offers.length);
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      setAsked("no");
    } else if (open && event.key === "Tab" && !event.shiftKey) {
      event.preventDefault();
      take(offer ?? offers[0] ?? { kind: "field", label: "", about: "", insert: "" });
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (open && offer) {
        take(offer);
      } else {
        run(draft);
      }
    }
  };

  return (
    <form
      id={QUERY_FORM}
      class="query-field grow"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        run(draft);
      }}
    >
      <div class={`box${mistake ? " wrong" : ""}`}>
        <Icon name="filter" />
        <div class="query-text">
          <Mirror text={draft} mark={mistake && draft === query ? marked(query, mistake) : null} />
          <textarea
            ref={input}
            id="query"
            rows={1}
            value={draft}
            placeholder={placeholder}
            aria-label={label}
            aria-invalid={mistake !== null}
            aria-describedby={mistake ? "query-mistake" : undefined}
            aria-autocomplete="list"
            aria-haspopup="listbox"
            aria-controls={open ? list : undefined}
            aria-activedescendant={open && chosen >= 0 ? `${list}-${chosen}` : undefined}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            enterkeyhint="search"
            onKeyDown={press}
            onBlur={() => setAsked("no")}
            onClick={() => setAsked("no")}
            onInput={(event) => {
              setDraft(event.currentTarget.value);
              setCaret(event.currentTarget.selectionStart);
              setAsked("typed");
              setChosen(-1);
            }}
          />
          {open && spot && <Offers id={list} text={draft.slice(0, spot.start)} offers={offers} chosen={chosen} onTake={take} />}
        </div>
      </div>
      <span class="hidden-text" role="status">
        {open ? `${offers.length} completions, arrow keys choose` : ""}
      </span>
      {mistake && (
        <div class="mistake" id="query-mistake" role="alert">
          <span>{mistake.message}</span>
          {mistake.suggestion !== undefined && draft === query && (
            <button type="button" class="button small" onClick={() => run(corrected(query, mistake.suggestion ?? "", mistake.start, mistake.end))}>
              Write <code>{mistake.suggestion}</code>
            </button>
          )}
        </div>
      )}
    </form>
  );
}

/** The text once more under the field, for its height and for the mark under a mistake. */
function Mirror({ text, mark }: { readonly text: string; readonly mark: readonly [start: number, end: number] | null }) {
  const [start, end] = mark ?? [text.length, text.length];
  return (
    <div class="mirror" aria-hidden="true">
      {text.slice(0, start)}
      {mark && <span class="squiggle">{text.slice(start, end) || " "}</span>}
      {text.slice(end)}{" "}
    </div>
  );
}

interface OffersProps {
  readonly id: string;
  /** What stands before the word being completed. */
  readonly text: string;
  readonly offers: readonly Completion[];
  readonly chosen: number;
  onTake(completion: Completion): void;
}

function Offers({ id, text, offers, chosen, onTake }: OffersProps) {
  const line = text.slice(text.lastIndexOf("\n") + 1);
  return (
    <ul id={id} class="offers" role="listbox" aria-label="Completions" style={{ left: `min(${line.length}ch, 100% - 300px)` }}>
      {offers.map((offer, index) => (
        // The field keeps the focus, so a press must not take it away.
        <li
          key={`${offer.kind} ${offer.label}`}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === chosen}
          class={offer.kind}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onTake(offer)}
        >
          <span>{offer.label}</span>
          <small>{offer.about}</small>
        </li>
      ))}
    </ul>
  );
}

/** The values of the field at the caret, asked for once typing rests. */
function useValues(spot: Spot | null, ask: Props["onValues"]): readonly string[] {
  const [values, setValues] = useState<{ readonly field: string; readonly values: readonly string[] }>({ field: "", values: [] });
  const latest = useRef(ask);
  latest.current = ask;
  const field = spot?.kind === "value" ? spot.field : null;
  const typed = spot?.kind === "value" ? spot.typed : "";
  useEffect(() => {
    if (field === null) {
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      latest.current(field, typed, stop.signal).then(
        (found) => !stop.signal.aborted && setValues({ field, values: found }),
        () => undefined,
      );
    }, VALUES_AFTER_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [field, typed]);
  return field !== null && values.field === field ? values.values : [];
}

/** Fields are offered once a letter is typed, or on demand; what is complete already is not. */
function offered(spot: Spot | null, asked: "no" | "typed" | "always", fields: readonly KnownField[], values: readonly string[]): readonly Completion[] {
  if (spot === null || (asked === "typed" && spot.typed === "" && (spot.kind === "field" || spot.kind === "argument"))) {
    return [];
  }
  const found = completions(spot, fields, values);
  return found.length === 1 && found[0]?.label === spot.typed ? [] : found;
}

function marked(query: string, mistake: Mistake): readonly [start: number, end: number] | null {
  if (mistake.start === undefined) {
    return null;
  }
  const start = byteToIndex(query, mistake.start);
  return [start, Math.max(start + 1, mistake.end === undefined ? start + 1 : byteToIndex(query, mistake.end))];
}
