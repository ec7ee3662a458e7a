// Saved searches: `/api/watchfire/v1/logs/saved` and `…/saved/NAME`.

import { deleteAt, getJson, putJson, type Answer } from "./client";

/** A value that the reader of a saved search gives; `$name` in its query. */
export interface Parameter {
  readonly name: string;
  readonly default?: string | null;
  readonly description?: string | null;
}

export interface SavedSearch {
  readonly name: string;
  readonly description: string;
  readonly query: string;
  readonly parameters: readonly Parameter[];
  /** The last so much, such as `1h`. */
  readonly range?: string | null;
  /** Counts its changes. */
  readonly version: number;
  /** RFC 3339. */
  readonly changed: string;
}

/** A search to be saved. `version` is the one it replaces, 0 where there must be none yet. */
export interface SearchToSave {
  readonly description: string;
  readonly query: string;
  readonly parameters: readonly Parameter[];
  readonly range?: string;
  readonly version: number;
}

/** `GET logs/saved`. */
export function savedSearches(signal?: AbortSignal): Promise<Answer<{ readonly saved: readonly SavedSearch[] }>> {
  return getJson("watchfire/v1/logs/saved", {}, signal);
}

/** `GET logs/saved/NAME`. */
export function savedSearch(name: string, signal?: AbortSignal): Promise<Answer<SavedSearch>> {
  return getJson(`watchfire/v1/logs/saved/${encodeURIComponent(name)}`, {}, signal);
}

/** `PUT logs/saved/NAME`: refused with 409 where somebody else changed it meanwhile. */
export function saveSearch(name: string, search: SearchToSave): Promise<Answer<SavedSearch>> {
  return putJson(`watchfire/v1/logs/saved/${encodeURIComponent(name)}`, search);
}

/** `DELETE logs/saved/NAME`: refused with 409 where it is no longer the version that was read. */
export function deleteSearch(name: string, version: number): Promise<Answer<unknown>> {
  return deleteAt(`watchfire/v1/logs/saved/${encodeURIComponent(name)}`, { version });
}
