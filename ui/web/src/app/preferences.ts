// What belongs to the reader and not to the view: theme and time zone, kept in this browser.

import { useSyncExternalStore } from "preact/compat";
import type { Zone } from "../lib/time-range";

export type Theme = "system" | "light" | "dark";

export interface Preferences {
  readonly theme: Theme;
  readonly zone: Zone;
}

const KEY = "watchfire";
const listeners = new Set<() => void>();
let current = load();

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, () => current);
}

export function setPreferences(patch: Partial<Preferences>): void {
  current = { ...current, ...patch };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
  } catch {
    // A browser that keeps nothing still shows the choice until the page is left.
  }
  applyTheme();
  listeners.forEach((listener) => listener());
}

/** Marks the document with the chosen theme; without a mark the system's holds. */
export function applyTheme(): void {
  const root = document.documentElement;
  if (current.theme === "system") {
    delete root.dataset["theme"];
  } else {
    root.dataset["theme"] = current.theme;
  }
}

function load(): Preferences {
  const defaults: Preferences = { theme: "system", zone: "local" };
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    const read = typeof stored === "object" && stored !== null ? (stored as Readonly<Record<string, unknown>>) : {};
    const theme = read["theme"];
    return {
      theme: theme === "light" || theme === "dark" ? theme : defaults.theme,
      zone: read["zone"] === "utc" ? "utc" : defaults.zone,
    };
  } catch {
    return defaults;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
