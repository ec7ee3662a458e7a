// The questions of the Logs page: records, counts over time, fields, tables, and what is around a record.

import { keepPreviousData, useInfiniteQuery, useQuery, type InfiniteData } from "@tanstack/react-query";
import { valueOf, type Failure } from "../../api/client";
import {
  context,
  explain,
  fields,
  histogram,
  search,
  stats,
  type Fields,
  type Histogram,
  type Order,
  type Plan,
  type SearchPage,
  type Surroundings,
  type Table,
} from "../../api/logs";
import { savedSearch, savedSearches, type SavedSearch } from "../../api/saved";
import { fieldName } from "../../lib/log-query";
import { niceStep } from "../../lib/ticks";
import type { Span } from "../../lib/time-range";
import type { ContextView } from "../../lib/view";

/** Bars of the histogram at most. */
const BARS_MAX = 90;
/** Values counted per field at first, and once more are asked for. */
export const VALUES = 10;
const MORE_VALUES = 200;
/** Values fetched for completion. */
const COMPLETION_VALUES = 50;
/** Rows of a table at first, and once all are asked for. */
export const ROWS = 1_000;
export const ROWS_MAX = 100_000;

/** The root of the page's query keys: cancelling it stops all of them. */
export const LOGS_KEY = "logs";
/** The query key of saved searches; a change makes it stale. */
export const SAVED_KEY = ["saved-searches"] as const;

export function useRecords(query: string, span: Span | null, order: Order, wanted: boolean) {
  return useInfiniteQuery<SearchPage, Failure, InfiniteData<SearchPage>, readonly unknown[], string | null>({
    queryKey: [LOGS_KEY, "search", query, span, order],
    queryFn: ({ signal, pageParam }) => valueOf(search({ query, ...held(span) }, order, pageParam, signal)),
    initialPageParam: null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    enabled: span !== null && wanted,
    staleTime: Infinity,
  });
}

export function useTable(query: string, span: Span | null, rows: number, wanted: boolean) {
  return useQuery<Table, Failure>({
    queryKey: [LOGS_KEY, "stats", query, span, rows],
    queryFn: ({ signal }) => valueOf(stats({ query, ...held(span) }, rows, signal)),
    placeholderData: keepPreviousData,
    enabled: span !== null && wanted,
    staleTime: Infinity,
  });
}

export function useHistogram(query: string, span: Span | null, by: string, shown: boolean) {
  return useQuery<Histogram, Failure>({
    queryKey: [LOGS_KEY, "histogram", query, span, by],
    queryFn: ({ signal }) => valueOf(histogram({ query, ...held(span) }, niceStep(held(span), BARS_MAX), by, signal)),
    placeholderData: keepPreviousData,
    enabled: span !== null && shown,
    staleTime: Infinity,
  });
}

export function useFields(query: string, span: Span | null, shown: boolean) {
  return useQuery<Fields, Failure>({
    queryKey: [LOGS_KEY, "fields", query, span],
    queryFn: ({ signal }) => valueOf(fields({ query, ...held(span) }, VALUES, null, signal)),
    placeholderData: keepPreviousData,
    enabled: span !== null && shown,
    staleTime: Infinity,
  });
}

/** More values of the fields of which the reader asked for more. */
export function useMoreValues(query: string, span: Span | null, names: readonly string[]) {
  return useQuery<Fields, Failure>({
    queryKey: [LOGS_KEY, "values", query, span, names],
    queryFn: ({ signal }) => valueOf(fields({ query, ...held(span) }, MORE_VALUES, names, signal)),
    placeholderData: keepPreviousData,
    enabled: span !== null && names.length > 0,
    staleTime: Infinity,
  });
}

/** A field's values for completion: those of all records of the span that begin as typed, else the most frequent ones. */
export async function valuesOf(field: string, typed: string, span: Span | null, signal: AbortSignal): Promise<readonly string[]> {
  const ask = async (query: string) => {
    const answer = await valueOf(fields({ query, ...held(span) }, COMPLETION_VALUES, [field], signal));
    return answer.fields.find((entry) => entry.name === field)?.values.map((entry) => entry.value) ?? [];
  };
  // A word can be asked for by its beginning, but a number has none.
  const found = /^[\p{L}\p{N}_.-]+$/u.test(typed) ? await ask(`${fieldName(field)}:${typed.replace(/-/gu, "\\-")}*`) : [];
  return found.length > 0 ? found : ask("");
}

export function useContext(view: ContextView | null) {
  return useQuery<Surroundings, Failure>({
    queryKey: [LOGS_KEY, "context", view],
    queryFn: ({ signal }) => valueOf(context(view?.id ?? "", view?.same ?? "container", view?.before ?? 0, view?.after ?? 0, signal)),
    placeholderData: keepPreviousData,
    enabled: view !== null,
    staleTime: Infinity,
  });
}

export function usePlan(query: string) {
  return useQuery<Plan, Failure>({ queryKey: [LOGS_KEY, "explain", query], queryFn: ({ signal }) => valueOf(explain(query, signal)), staleTime: Infinity });
}

export function useSavedSearches() {
  return useQuery<readonly SavedSearch[], Failure>({ queryKey: SAVED_KEY, queryFn: async ({ signal }) => (await valueOf(savedSearches(signal))).saved });
}

export function useSavedSearch(name: string | null) {
  return useQuery<SavedSearch, Failure>({ queryKey: [...SAVED_KEY, name], queryFn: ({ signal }) => valueOf(savedSearch(name ?? "", signal)), enabled: name !== null, staleTime: Infinity });
}

/** Queries without a span are not enabled, so the empty one is never sent. */
function held(span: Span | null): Span {
  return span ?? { start: 0, end: 0 };
}
