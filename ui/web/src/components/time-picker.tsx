// The time range: a button that says it, and a panel with a list, two fields and a clipboard.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import {
  RELATIVE_RANGES,
  copyRange,
  formatAbsolute,
  pasteRange,
  rangeLabel,
  resolveRange,
  type TimeRange,
  type Zone,
} from "../lib/time-range";
import { CopyButton } from "./copy-button";
import { Icon } from "./icon";

interface Props {
  readonly range: TimeRange;
  readonly zone: Zone;
  onRange(range: TimeRange): void;
  onZone(zone: Zone): void;
}

export function TimePicker(props: Props) {
  const panel = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const [open, setOpen] = useState(false);
  const label = rangeLabel(props.range, props.zone);

  const place = () => {
    const anchor = button.current?.getBoundingClientRect();
    const box = panel.current;
    if (anchor && box) {
      box.style.top = `${anchor.bottom + 4}px`;
      box.style.left = `${Math.max(8, Math.min(anchor.right - box.offsetWidth, innerWidth - box.offsetWidth - 8))}px`;
    }
  };
  // After drawing, for only then has the panel its size.
  useLayoutEffect(() => {
    if (open) {
      place();
    }
  }, [open]);

  return (
    <>
      <button
        ref={button}
        id="range"
        type="button"
        class="button"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={`Time range: ${label}`}
        onClick={() => panel.current?.togglePopover()}
      >
        <Icon name="clock" />
        <span>{label}</span>
        {props.zone === "utc" && <span class="mono">UTC</span>}
      </button>
      <div ref={panel} popover="auto" role="dialog" aria-label="Time range" onToggle={(event) => setOpen(event.newState === "open")}>
        {open && (
          <RangePanel
            {...props}
            onRange={(range) => {
              panel.current?.hidePopover();
              props.onRange(range);
            }}
          />
        )}
      </div>
    </>
  );
}

/** What the panel holds; it starts afresh each time it opens. */
export function RangePanel({ range, zone, onRange, onZone }: Props) {
  const [filter, setFilter] = useState("");
  const resolved = resolveRange(range, Date.now(), zone);
  const [from, setFrom] = useState(editable(range.from, zone));
  const [to, setTo] = useState(editable(range.to, zone));
  const [mistake, setMistake] = useState<{ readonly edge: "from" | "to" | "paste"; readonly message: string } | null>(null);
  const first = useRef<HTMLInputElement>(null);

  useEffect(() => first.current?.focus(), []);
  useEffect(() => {
    setFrom(editable(range.from, zone));
    setTo(editable(range.to, zone));
  }, [zone]);

  const options = listed(filter);
  const apply = () => {
    const wanted = { from: stored(from, zone, "from"), to: stored(to, zone, "to") };
    const result = resolveRange(wanted, Date.now(), zone);
    if (result.ok) {
      onRange(wanted);
    } else {
      setMistake(result);
    }
  };
  const paste = async () => {
    const pasted = pasteRange(await navigator.clipboard.readText().catch(() => ""), Date.now());
    if (pasted) {
      onRange(pasted);
    } else {
      setMistake({ edge: "paste", message: "The clipboard holds no range: copy one with the button beside." });
    }
  };
  const field = (edge: "from" | "to", value: string, set: (text: string) => void) => (
    <label>
      {edge === "from" ? "From" : "To"}
      <input
        class="input code"
        value={value}
        aria-invalid={mistake?.edge === edge}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          set(event.currentTarget.value);
          setMistake(null);
        }}
      />
    </label>
  );

  return (
    <div class="range-panel">
      <div class="relative">
        <input
          ref={first}
          class="input"
          placeholder="45m, 3h, yesterday"
          aria-label="Find a range"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
          onKeyDown={(event) => {
            const [top] = options;
            if (event.key === "Enter" && top) {
              onRange({ from: top.from, to: top.to });
            }
          }}
        />
        <div class="options">
          {options.map((option) => (
            <button
              key={option.label}
              type="button"
              aria-current={option.from === range.from && option.to === range.to ? "true" : undefined}
              onClick={() => onRange({ from: option.from, to: option.to })}
            >
              {option.label}
            </button>
          ))}
          {options.length === 0 && <p>Write a number and s, m, h, d or w.</p>}
        </div>
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          apply();
        }}
      >
        {field("from", from, setFrom)}
        {field("to", to, setTo)}
        {mistake && (
          <p class="mistake" role="alert">
            {mistake.message}
          </p>
        )}
        <div class="row">
          <button type="submit" class="button primary">
            Apply
          </button>
          <CopyButton label="Copy the range" text={() => (resolved.ok ? copyRange(range) : "")}>
            Copy
          </CopyButton>
          {window.isSecureContext && (
            <button type="button" class="button quiet small" onClick={() => void paste()}>
              Paste
            </button>
          )}
        </div>
        <div class="segments" role="group" aria-label="Times are shown in">
          {(["local", "utc"] as const).map((choice) => (
            <button key={choice} type="button" class="button" aria-pressed={zone === choice} onClick={() => onZone(choice)}>
              {choice === "utc" ? "UTC" : "Local time"}
            </button>
          ))}
        </div>
      </form>
    </div>
  );
}

/** The ranges that match what was typed; a bare `45m` becomes a range of its own. */
function listed(filter: string) {
  const typed = /^\s*(\d{1,6})\s*([smhdw])/.exec(filter);
  const own = typed ? [{ from: `now-${typed[1]}${typed[2]}`, to: "now" }].map((range) => ({ ...range, label: rangeLabel(range) })) : [];
  const words = filter.toLowerCase().trim();
  const known = RELATIVE_RANGES.filter((option) => option.label.toLowerCase().includes(words) && option.label !== own[0]?.label);
  return [...own, ...known];
}

/** Milliseconds are shown as a date; everything else as it was written. */
function editable(text: string, zone: Zone): string {
  return /^-?\d{9,16}$/.test(text) ? formatAbsolute(Number(text), zone) : text;
}

/** Dates go into the address as milliseconds, so that the link means the same in every time zone. */
function stored(text: string, zone: Zone, edge: "from" | "to"): string {
  const range = edge === "from" ? { from: text, to: "9999999999999" } : { from: "100000000", to: text };
  const result = resolveRange(range, Date.now(), zone);
  return !result.ok || text.trim().startsWith("now") ? text.trim() : String(edge === "from" ? result.span.start : result.span.end);
}
