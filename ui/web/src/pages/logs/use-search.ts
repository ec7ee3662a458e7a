// The three questions of the Logs page: records, counts over time, fields.

import { keepPreviousData, useInfiniteQuery, useQuery, type InfiniteData } from "@tanstack/react-query";
import { valueOf, type Failure } from "../../api/client";
import { fields, histogram, search, type Fields, type Histogram, type SearchPage } from "../../api/logs";
import { niceStep } from "../../lib/ticks";
import type { Span } from "../../lib/time-range";

/** Bars of the histogram at most. */
const BARS_MAX = 90;
/** Values counted per field. */
const VALUES = 10;

/** The root of the page's query keys: cancelling it stops all three. */
export const LOGS_KEY = "logs";

export function useRecords(query: string, span: Span | null) {
  return useInfiniteQuery<SearchPage, Failure, InfiniteData<SearchPage>, readonly unknown[], string | null>({
    queryKey: [LOGS_KEY, "search", query, span],
    queryFn: ({ signal, pageParam }) => valueOf(search({ query, ...held(span) }, pageParam, signal)),
    initialPageParam: null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    enabled: span !== null,
    staleTime: Infinity,
  });
}

export function useHistogram(query: string, span: Span | null, shown: boolean) {
  return useQuery<Histogram, Failure>({
    queryKey: [LOGS_KEY, "histogram", query, span],
    queryFn: ({ signal }) => valueOf(histogram({ query, ...held(span) }, niceStep(held(span), BARS_MAX), signal)),
    placeholderData: keepPreviousData,
    enabled: span !== null && shown,
    staleTime: Infinity,
  });
}

export function useFields(query: string, span: Span | null, shown: boolean) {
  return useQuery<Fields, Failure>({
    queryKey: [LOGS_KEY, "fields", query, span],
    queryFn: ({ signal }) => valueOf(fields({ query, ...held(span) }, VALUES, signal)),
    placeholderData: keepPreviousData,
    enabled: span !== null && shown,
    staleTime: Infinity,
  });
}

/** Queries without a span are not enabled, so the empty one is never sent. */
function held(span: Span | null): Span {
  return span ?? { start: 0, end: 0 };
}
