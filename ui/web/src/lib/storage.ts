// What the Storage page says of disk, memory and stores, apart from drawing it.

import type { Backup, Disk, Part, Storage } from "../api/storage";
import { bytesOf, plural } from "./format";

/** The command that repairs a data directory. */
export const REPAIR_COMMAND = "watchfire check data --repair";

export interface Progress {
  readonly text: string;
  /** 0 to 1. */
  readonly share: number;
}

/** How much of the write-ahead logs is read back; `null` once all of it is. */
export function replayProgress({ logs, metrics }: Pick<Storage, "logs" | "metrics">): Progress | null {
  const stores = [
    { what: "records", replay: logs.replay },
    { what: "samples", replay: metrics.replay },
  ].filter(({ replay }) => replay !== null);
  if (stores.length === 0) {
    return null;
  }
  const done = stores.reduce((sum, { replay }) => sum + (replay?.bytes_done ?? 0), 0);
  const total = stores.reduce((sum, { replay }) => sum + (replay?.bytes_total ?? 0), 0);
  const what = stores.map((store) => store.what).join(" and ");
  return { text: `Starting: the newest ${what} are being read back, ${bytesOf(done, total)}`, share: share(done, total) };
}

/** A part of a whole from 0 to 1; of nothing, nothing. */
export function share(part: number, whole: number): number {
  return whole > 0 ? Math.min(1, Math.max(0, part / whole)) : 0;
}

export interface Gauge {
  /** Share of the scale that is used, 0 to 1. */
  readonly used: number;
  /** Where the limit stands on the scale, 0 to 1. */
  readonly limit: number;
  readonly tone: "ok" | "warn" | "error";
}

/** From this share of the limit on it is worth a look. */
const NEARLY = 0.85;

/** A meter whose scale ends at the limit, or at what is used where that is more. */
export function gauge(used: number, limit: number): Gauge {
  const scale = Math.max(used, limit);
  const tone = limit <= 0 || used < limit * NEARLY ? "ok" : used < limit ? "warn" : "error";
  return { used: share(used, scale), limit: share(limit, scale), tone };
}

/** The disk's meter: its scale is the whole disk, its mark stands where data begins to be refused. */
export function diskGauge(disk: Disk): Gauge {
  const used = disk.total - disk.available;
  const { used: filled, tone } = gauge(used, disk.total - (disk.free_min ?? 0));
  const scale = disk.free_min === undefined ? { used: filled, limit: 0 } : { used: share(used, disk.total), limit: share(disk.total - disk.free_min, disk.total) };
  return { ...scale, tone: disk.has_room ? tone : "error" };
}

/** A damaged or lost part with the store that held it. */
export interface StoredPart extends Part {
  readonly store: "logs" | "metrics";
  readonly state: "damaged" | "lost";
}

/** What is damaged first, then what is lost; the newest of each first. */
export function parts({ logs, metrics }: Pick<Storage, "logs" | "metrics">): readonly StoredPart[] {
  const of = (state: StoredPart["state"]) =>
    [...logs[state].map((part) => ({ ...part, store: "logs" as const, state })), ...metrics[state].map((part) => ({ ...part, store: "metrics" as const, state }))].sort(
      (a, b) => b.end - a.end || a.block.localeCompare(b.block),
    );
  return [...of("damaged"), ...of("lost")];
}

export interface Verdict {
  readonly tone: "tone-ok" | "tone-warn" | "tone-error";
  readonly words: string;
}

/** The page in a few words, the worst first. */
export function verdict(storage: Storage): Verdict {
  const all = parts(storage);
  const damaged = all.filter((part) => part.state === "damaged").length;
  if (!storage.disk.has_room) {
    return { tone: "tone-error", words: "disk nearly full" };
  }
  if (damaged > 0) {
    return { tone: "tone-error", words: `${plural(damaged, "part")} damaged` };
  }
  if (all.length > 0) {
    return { tone: "tone-warn", words: `${plural(all.length, "part")} lost` };
  }
  return { tone: "tone-ok", words: "nothing damaged" };
}

/** The newest first. */
export function newestFirst(backups: readonly Backup[]): readonly Backup[] {
  return [...backups].sort((a, b) => b.created - a.created || b.name.localeCompare(a.name));
}
