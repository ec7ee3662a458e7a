// The palette, on Ctrl+K: pages, saved searches, metrics and settings by their names.

import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "../components/icon";
import { LOG_METRICS, withoutLogMetrics } from "../lib/log-metrics";
import { starter } from "../lib/metric-names";
import { KINDS, offersFor, type Offer } from "../lib/palette";
import { LOGS, METRICS, type PageName } from "../lib/view";
import { useSavedSearches } from "../pages/logs/use-search";
import { useMetricNames } from "../pages/metrics/use-browser";
import { useSettled } from "./browser";
import { navigate, useSharedRange } from "./place";
import { setPreferences } from "./preferences";

/** How long typing rests before the server is asked for metrics, in milliseconds. */
const ASK_AFTER_MS = 120;
/** Metrics asked for: more than are shown, for those that only begin alike come too. */
const METRICS_ASKED = 40;
/** Metrics of so long before now; milliseconds. */
const METRICS_SPAN_MS = 3_600_000;

interface Props {
  readonly pages: readonly { readonly name: PageName; readonly title: string; readonly icon: IconName; readonly about: string }[];
  onHelp(): void;
  onClose(): void;
}

interface Choice extends Offer {
  readonly icon: IconName;
  go(): void;
}

export default function Palette({ pages, onHelp, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const shared = useSharedRange();
  const [words, setWords] = useState("");
  const [active, setActive] = useState(0);
  const [now] = useState(() => Date.now());
  const asked = useSettled(words.trim(), ASK_AFTER_MS);
  const metrics = useMetricNames(asked, { start: now - METRICS_SPAN_MS, end: now }, METRICS_ASKED);
  const saved = useSavedSearches();
  useEffect(() => dialog.current?.showModal(), []);

  const choices = useMemo((): readonly Choice[] => {
    const text = words.trim();
    const logs = (patch: Partial<ReturnType<typeof LOGS.read>>) => navigate("logs", LOGS.write({ ...LOGS.read(shared), ...patch }));
    const graph = (expr: string) => navigate("metrics", METRICS.write({ ...METRICS.read(shared), expressions: [expr] }));
    const all: readonly Choice[] = [
      ...pages.map(({ name, title, icon, about }): Choice => ({ kind: "page", name: title, about, icon, go: () => navigate(name, name === "logs" || name === "metrics" ? shared : undefined) })),
      ...(saved.data ?? []).map(({ name, description, query }): Choice => ({ kind: "saved", name, about: description || query, icon: "saved", go: () => logs({ saved: name }) })),
      ...withoutLogMetrics(metrics.data?.names ?? []).map((metric): Choice => ({ kind: "metric", name: metric.name, about: metric.help, icon: "metrics", go: () => graph(starter(metric)) })),
      ...LOG_METRICS.map(({ name, help, examples }): Choice => ({ kind: "metric", name, about: help, icon: "logs", go: () => graph(examples[0] ?? name) })),
      { kind: "action", name: "Light theme", about: "", icon: "sun", go: () => setPreferences({ theme: "light" }) },
      { kind: "action", name: "Dark theme", about: "", icon: "moon", go: () => setPreferences({ theme: "dark" }) },
      { kind: "action", name: "Theme of the system", about: "", icon: "system", go: () => setPreferences({ theme: "system" }) },
      { kind: "action", name: "Times in UTC", about: "time zone", icon: "clock", go: () => setPreferences({ zone: "utc" }) },
      { kind: "action", name: "Times of this computer", about: "local time zone", icon: "clock", go: () => setPreferences({ zone: "local" }) },
      { kind: "action", name: "Keyboard shortcuts", about: "help", icon: "help", go: onHelp },
      { kind: "search", name: `Search the logs for “${text}”`, about: "", icon: "filter", go: () => logs({ query: text }) },
    ];
    return offersFor(all, words);
  }, [words, saved.data, metrics.data, shared.toString()]);
  const current = Math.min(active, choices.length - 1);

  const take = (choice: Choice | undefined) => {
    if (choice) {
      // First closed, so that the focus goes back before the next page takes it.
      dialog.current?.close();
      choice.go();
    }
  };
  const move = (to: number) => {
    const index = (to + choices.length) % Math.max(1, choices.length);
    setActive(index);
    dialog.current?.querySelector(`[id="${id}-${index}"]`)?.scrollIntoView({ block: "nearest" });
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(current + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      take(choices[current]);
    }
  };
  return (
    <dialog ref={dialog} class="palette" aria-label="Find pages, searches and metrics" closedby="any" onClose={onClose}>
      <input
        class="input"
        type="text"
        role="combobox"
        aria-expanded={choices.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={choices.length > 0 ? `${id}-${current}` : undefined}
        aria-label="Find"
        placeholder="Page, saved search, metric, words in the logs"
        autocomplete="off"
        spellcheck={false}
        value={words}
        onInput={(event) => {
          setWords(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={press}
      />
      <div class="choices" id={id} role="listbox" aria-label="Found">
        {KINDS.map(({ kind, title }) => {
          const own = choices.map((choice, index) => ({ choice, index })).filter(({ choice }) => choice.kind === kind);
          return (
            own.length > 0 && (
              <div key={kind} role="group" aria-label={title}>
                <h2 aria-hidden="true">{title}</h2>
                {own.map(({ choice, index }) => (
                  <div
                    key={choice.name}
                    id={`${id}-${index}`}
                    class="choice"
                    role="option"
                    aria-selected={index === current}
                    onMouseMove={() => setActive(index)}
                    onClick={() => take(choice)}
                  >
                    <Icon name={choice.icon} />
                    <span class={kind === "metric" ? "mono" : ""}>{choice.name}</span>
                    <small>{choice.about}</small>
                  </div>
                ))}
              </div>
            )
          );
        })}
        {choices.length === 0 && <p class="quiet">Nothing has these words.</p>}
      </div>
    </dialog>
  );
}
