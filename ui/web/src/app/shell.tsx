// The frame around every page: rail, health, shortcuts, help.

import { Suspense, lazy } from "preact/compat";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "../components/icon";
import { compact, plural } from "../lib/format";
import type { PageName } from "../lib/view";
import LogsPage from "../pages/logs";
import { HelpDialog } from "./help-dialog";
import { useHotkeys } from "./hotkeys";
import { follow, href, navigate, usePage, useSharedRange } from "./place";
import { setPreferences, usePreferences, type Theme } from "./preferences";
import { useReplay, useStatus } from "./queries";

const MetricsPage = lazy(() => import("../pages/metrics"));
const AlertsPage = lazy(() => import("../pages/alerts"));
const InputsPage = lazy(() => import("../pages/inputs"));
const StoragePage = lazy(() => import("../pages/storage"));
const Palette = lazy(() => import("./palette"));

const PAGES: readonly { readonly name: PageName; readonly title: string; readonly icon: IconName; readonly about: string }[] = [
  { name: "logs", title: "Logs", icon: "logs", about: "records, searches, live tail" },
  { name: "metrics", title: "Metrics", icon: "metrics", about: "PromQL as graph and table" },
  { name: "alerts", title: "Alerts", icon: "alerts", about: "rules and what fires" },
  { name: "inputs", title: "Inputs", icon: "inputs", about: "senders, containers and targets, losses" },
  { name: "storage", title: "Storage", icon: "storage", about: "disk, memory, blocks and backups" },
];

export function Shell() {
  const page = usePage();
  const shared = useSharedRange();
  const help = useRef<HTMLDialogElement>(null);
  const [finding, setFinding] = useState(false);
  const status = useStatus();
  const firing = status.data?.firing ?? 0;
  const go = (name: PageName) => () => navigate(name, name === "logs" || name === "metrics" ? shared : undefined);
  useHotkeys({
    "g l": go("logs"),
    "g m": go("metrics"),
    "g a": go("alerts"),
    "g i": go("inputs"),
    "g s": go("storage"),
    "/": focusQuery,
    t: () => document.querySelector<HTMLElement>("#range")?.click(),
    "?": () => help.current?.showModal(),
  });
  useEffect(() => {
    // Not one of the hotkeys: it works while one writes.
    const listen = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
        event.preventDefault();
        setFinding((open) => open || document.querySelector("dialog[open]") === null);
      }
    };
    document.addEventListener("keydown", listen, { capture: true });
    return () => document.removeEventListener("keydown", listen, { capture: true });
  }, []);
  useEffect(() => {
    const title = PAGES.find((entry) => entry.name === page)?.title ?? "";
    document.title = `${firing > 0 ? `(${firing} firing) ` : ""}${title} · Watchfire`;
  }, [page, firing]);

  return (
    <div class="frame">
      <a class="skip" href="#main">
        To the content
      </a>
      <aside class="rail" aria-label="Watchfire">
        <a class="mark" href={href("logs")} onClick={follow}>
          <img src="./icon.svg" alt="" />
          <span class="word">Watchfire</span>
        </a>
        <nav aria-label="Pages">
          {PAGES.map(({ name, title, icon }) => (
            <a
              key={name}
              href={href(name, name === "logs" || name === "metrics" ? shared : undefined)}
              aria-current={name === page ? "page" : undefined}
              title={title}
              onClick={follow}
            >
              <Icon name={icon} />
              <span class="word">{title}</span>
              {name === "alerts" && firing > 0 && (
                <span class="count">
                  {compact(firing)}
                  <span class="hidden-text"> firing</span>
                </span>
              )}
            </a>
          ))}
        </nav>
        <div class="foot">
          <button type="button" title="Find pages, searches and metrics (Ctrl+K)" aria-keyshortcuts="Control+K" onClick={() => setFinding(true)}>
            <Icon name="find" />
            <span class="word">Find</span>
          </button>
          <ThemeButton />
          <button type="button" title="Shortcuts" aria-label="Keyboard shortcuts" onClick={() => help.current?.showModal()}>
            <Icon name="help" />
            <span class="word">Shortcuts</span>
          </button>
          <Health />
        </div>
      </aside>
      <div class="view">
        <ReplayBanner />
        <Suspense fallback={<div class="page" aria-busy="true" />}>
          {page === "logs" && <LogsPage />}
          {page === "metrics" && <MetricsPage />}
          {page === "alerts" && <AlertsPage />}
          {page === "inputs" && <InputsPage />}
          {page === "storage" && <StoragePage />}
        </Suspense>
      </div>
      {finding && (
        <Suspense fallback={null}>
          <Palette pages={PAGES} onHelp={() => help.current?.showModal()} onClose={() => setFinding(false)} />
        </Suspense>
      )}
      <HelpDialog dialog={help} version={status.data?.version} />
    </div>
  );
}

/** While the newest data is being read back, answers lack some of it: every page says so. */
function ReplayBanner() {
  const replay = useReplay();
  if (replay === null) {
    return null;
  }
  return (
    <div class="replay">
      <span>{replay.text}</span>
      <progress class="replay-line" aria-label="Reading back" value={replay.share} max={1} />
    </div>
  );
}

/** The page's query or filter; an editor keeps its field in a shadow root. */
function focusQuery(): void {
  const field = document.querySelector<HTMLElement>("#query");
  const editor = field?.querySelector(".editor")?.shadowRoot?.querySelector<HTMLElement>("[contenteditable]");
  (editor ?? field)?.focus();
}

/** Watchfire's own health in a dot and a word; the details are on the Inputs page. */
function Health() {
  const { data, error } = useStatus();
  const worst = data?.notices.some((notice) => notice.severity === "error") ?? false;
  const [tone, word, more] = error
    ? ["tone-error", "offline", "Watchfire does not answer"]
    : data === undefined
      ? ["tone-quiet hollow", "…", "Asking"]
      : worst
        ? ["tone-error", "error", data.notices.map((notice) => notice.text).join("\n")]
        : data.losses > 0
          ? ["tone-warn", `${compact(data.losses)} lost`, `${plural(data.losses, "record")} lost: the Inputs page says where`]
          : ["tone-ok", "ok", "Nothing lost"];
  return (
    <a class={`state ${tone}`} href={href("inputs")} onClick={follow} title={more}>
      {word}
    </a>
  );
}

function ThemeButton() {
  const { theme } = usePreferences();
  const next: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };
  const icons: Readonly<Record<Theme, IconName>> = { system: "system", light: "sun", dark: "moon" };
  const words: Readonly<Record<Theme, string>> = { system: "System", light: "Light", dark: "Dark" };
  return (
    <button type="button" title={`Theme: ${theme}`} aria-label={`Theme: ${theme}`} onClick={() => setPreferences({ theme: next[theme] })}>
      <Icon name={icons[theme]} />
      <span class="word">{words[theme]}</span>
    </button>
  );
}
