// `GET /api/watchfire/v1/storage`: disk, memory, both stores and their backups. Sizes in bytes, times in Unix milliseconds.

import { getJson, postJson, type Answer } from "./client";

export interface Disk {
  readonly total: number;
  readonly available: number;
  /** Whether data from outside is taken. */
  readonly has_room: boolean;
  /** Below so many available bytes data from outside is refused. */
  readonly free_min?: number;
  /** Set aside, so that a full disk can still be cleaned up. */
  readonly reserve: number;
}

/** A bounded share of the memory. */
export interface MemoryPool {
  readonly name: string;
  readonly limit: number;
  readonly used: number;
  /** The most that was in use since the start. */
  readonly peak: number;
  /** How often there was not enough. */
  readonly refusals: number;
}

export interface Memory {
  readonly limit: number;
  readonly resident: number;
  readonly pools: readonly MemoryPool[];
}

/** A part of a store that cannot be read, or that a repair could not save. */
export interface Part {
  readonly block: string;
  readonly what: string;
  /** Records or samples. */
  readonly rows: number;
  readonly start: number;
  readonly end: number;
}

export interface Replay {
  readonly bytes_done: number;
  readonly bytes_total: number;
}

export interface Scrub {
  readonly checked_bytes: number;
  readonly total_bytes: number;
  readonly last_completed: number | null;
}

export interface Store {
  readonly blocks: number;
  readonly bytes: number;
  readonly wal_bytes: number;
  readonly memory: number;
  readonly oldest: number | null;
  readonly newest: number | null;
  /** What the write-ahead log held at the start and how much of it is read back; `null` once all of it is. */
  readonly replay: Replay | null;
  readonly damaged: readonly Part[];
  readonly lost: readonly Part[];
  readonly scrub: Scrub;
}

export interface LogsStore extends Store {
  readonly records: number;
}

export interface MetricsStore extends Store {
  readonly series: number;
  readonly samples: number;
}

export interface Backup {
  readonly name: string;
  readonly created: number;
  readonly bytes: number;
  readonly objects: number;
}

export interface Storage {
  readonly disk: Disk;
  readonly memory: Memory;
  readonly logs: LogsStore;
  readonly metrics: MetricsStore;
  readonly backups: readonly Backup[];
}

export interface NewBackup {
  readonly name: string;
  /** Where it lies, on the server. */
  readonly directory: string;
  readonly bytes: number;
  readonly objects: number;
}

export function storage(signal?: AbortSignal): Promise<Answer<Storage>> {
  return getJson("watchfire/v1/storage", {}, signal);
}

/** `POST /api/watchfire/v1/backups`: writes one and answers when it is complete. */
export function backUp(): Promise<Answer<NewBackup>> {
  return postJson("watchfire/v1/backups");
}
