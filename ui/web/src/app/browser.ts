// Small facts of the browser as state.

import { useEffect, useState } from "preact/hooks";

/** Below this the page is a phone's: bottom bar, drawer, rows of two lines. */
export const NARROW = "(max-width: 699.9px)";

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const media = matchMedia(query);
    const update = () => setMatches(media.matches);
    media.addEventListener("change", update);
    return () => media.removeEventListener("change", update);
  }, [query]);
  return matches;
}

/** The present, renewed every `intervalMs` while the tab is in view; 0 stands still. */
export function useNow(intervalMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (intervalMs === 0) {
      return undefined;
    }
    const timer = setInterval(() => {
      if (!document.hidden) {
        setNow(Date.now());
      }
    }, intervalMs);
    return () => clearInterval(timer);
  }, [intervalMs]);
  return now;
}

/** A value once it has not changed for `restMs`: what is typed, when typing rests. */
export function useSettled<T>(value: T, restMs: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(() => value), restMs);
    return () => clearTimeout(timer);
  }, [value, restMs]);
  return settled;
}
