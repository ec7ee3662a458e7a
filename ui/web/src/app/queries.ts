// Answers that several pages share, each polled once however many components look at it.

import { QueryClient, useQuery } from "@tanstack/react-query";
import { valueOf, type Failure } from "../api/client";
import { containers, type Containers } from "../api/containers";
import { inputs, type Input } from "../api/inputs";
import { query, rules, targets, type RuleGroup, type Targets } from "../api/prometheus";
import { status, type Status } from "../api/status";
import { storage, type Storage } from "../api/storage";
import { replayProgress, type Progress } from "../lib/storage";

/** How often figures of the running process are asked for, in milliseconds. */
export const POLL_MS = 5_000;
/** How often while write-ahead logs are read back, in milliseconds. */
const REPLAY_POLL_MS = 1_000;
/** The query key of what stores and disk say; a new backup makes it stale. */
export const STORAGE_KEY = ["storage"] as const;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false, gcTime: 60_000, staleTime: 0 } },
  });
}

export function useStatus() {
  return useQuery<Status, Failure>({ queryKey: ["status"], queryFn: ({ signal }) => valueOf(status(signal)), refetchInterval: POLL_MS });
}

export function useInputs(everyMs = POLL_MS) {
  return useQuery<readonly Input[], Failure>({
    queryKey: ["inputs"],
    queryFn: async ({ signal }) => (await valueOf(inputs(signal))).inputs,
    refetchInterval: everyMs,
  });
}

export function useContainers() {
  return useQuery<Containers, Failure>({ queryKey: ["containers"], queryFn: ({ signal }) => valueOf(containers(signal)), refetchInterval: POLL_MS });
}

export function useStorage() {
  return useQuery<Storage, Failure>({ queryKey: STORAGE_KEY, queryFn: ({ signal }) => valueOf(storage(signal)), refetchInterval: POLL_MS });
}

/** How far the write-ahead logs are read back: asked once for each start of the server, and on while it lasts. */
export function useReplay(): Progress | null {
  const { data: health } = useStatus();
  const { data } = useQuery<Progress | null, Failure>({
    queryKey: ["replay", health?.started],
    queryFn: async ({ signal }) => replayProgress(await valueOf(storage(signal))),
    enabled: health !== undefined,
    refetchInterval: ({ state }) => (state.data ? REPLAY_POLL_MS : state.error ? POLL_MS : false),
  });
  return data ?? null;
}

export function useTargets() {
  return useQuery<Targets, Failure>({
    queryKey: ["targets"],
    queryFn: async ({ signal }) => (await valueOf(targets(signal))).data,
    refetchInterval: POLL_MS,
  });
}

/** Samples of each target's last scrape, by `job` and `instance` with a line break between. */
export function useScrapedSamples() {
  return useQuery<ReadonlyMap<string, number>, Failure>({
    queryKey: ["scraped-samples"],
    queryFn: async ({ signal }) => {
      const { data } = await valueOf(query("scrape_samples_scraped", Date.now() / 1000, signal));
      const entries = data.resultType === "vector" ? data.result : [];
      return new Map(entries.map(({ metric, value }) => [`${metric["job"]}\n${metric["instance"]}`, Number(value?.[1] ?? NaN)]));
    },
    refetchInterval: POLL_MS,
  });
}

export function useRules() {
  return useQuery<readonly RuleGroup[], Failure>({
    queryKey: ["rules"],
    queryFn: async ({ signal }) => (await valueOf(rules(signal))).data.groups,
    refetchInterval: POLL_MS,
  });
}
