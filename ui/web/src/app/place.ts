// Where the reader is: the page and its view, which live in the address alone.

import { useCallback, useMemo, useSyncExternalStore } from "preact/compat";
import { LOGS, METRICS, pageOf, pathOf, type Codec, type PageName } from "../lib/view";

export type How = "push" | "replace";

const listeners = new Set<() => void>();
const announce = () => listeners.forEach((listener) => listener());

/** The address of a page with a view, relative to the path the page is served under. */
export function href(page: PageName, params: URLSearchParams = new URLSearchParams()): string {
  const query = params.toString();
  return `./${pathOf(page)}${query === "" ? "" : `?${query}`}`;
}

/** Goes to a page. `replace` leaves no step in the browser's history. */
export function navigate(page: PageName, params: URLSearchParams = new URLSearchParams(), how: How = "push"): void {
  const url = new URL(href(page, params), document.baseURI).href;
  if (url === location.href) {
    return;
  }
  if (how === "push") {
    history.pushState(null, "", url);
  } else {
    history.replaceState(null, "", url);
  }
  announce();
}

/** Follows a plain click on a link inside the page without loading it anew; other clicks are the browser's. */
export function follow(event: MouseEvent): void {
  const link = event.currentTarget;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (plain && link instanceof HTMLAnchorElement) {
    event.preventDefault();
    const url = new URL(link.href);
    navigate(pageOf(url.pathname), url.searchParams);
  }
}

export function usePage(): PageName {
  return pageOf(new URL(useAddress()).pathname);
}

/** The page's view and how to change a part of it. */
export function useView<View extends object>(page: PageName, codec: Codec<View>): [View, (patch: Partial<View>, how?: How) => void] {
  const address = useAddress();
  const view = useMemo(() => codec.read(new URL(address).searchParams), [address, codec]);
  const update = useCallback(
    (patch: Partial<View>, how: How = "push") => {
      const current = codec.read(new URL(location.href).searchParams);
      navigate(page, codec.write({ ...current, ...patch }), how);
    },
    [page, codec],
  );
  return [view, update];
}

/** Links between pages keep the time range, so that logs and metrics show the same moment. */
export function useSharedRange(): URLSearchParams {
  const params = new URL(useAddress()).searchParams;
  const shared = new URLSearchParams();
  for (const name of ["from", "to"]) {
    const value = params.get(name);
    if (value) {
      shared.set(name, value);
    }
  }
  return shared;
}

/** The address of the Logs page for a query, with a range when given. */
export function logsHref(query: string, from?: string, to?: string, open: string | null = null): string {
  const view = LOGS.read(new URLSearchParams());
  return href("logs", LOGS.write({ ...view, query, open, range: from && to ? { from, to } : view.range }));
}

/** The address of the Metrics page for an expression. */
export function metricsHref(expr: string): string {
  return href("metrics", METRICS.write({ ...METRICS.read(new URLSearchParams()), expressions: [expr] }));
}

function useAddress(): string {
  return useSyncExternalStore(subscribe, () => location.href);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}
