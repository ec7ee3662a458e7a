// The table of containers: what it shows first, what counts as trouble, where a container's records are found.

import type { Container } from "../api/containers";
import type { Loss } from "../api/inputs";
import { lossWords, sumOf } from "./losses";
import { condition } from "./log-query";
import type { TimeRange } from "./time-range";

export const CONTAINER_COLUMNS = ["container", "received", "stored", "lost", "estimate", "completeness", "last_received"] as const;
export type ContainerColumn = (typeof CONTAINER_COLUMNS)[number];

export interface ContainerSort {
  readonly column: ContainerColumn;
  readonly descending: boolean;
}

/** The worst first. */
export const DEFAULT_SORT: ContainerSort = { column: "completeness", descending: false };

/** Completeness from which a container counts as well, in percent; below it a reader should look. */
const WELL_MIN = 99.9;
/** Below this, in percent, the log has holes that a reader will meet. */
const FAIR_MIN = 99;
/** How far back the link to the records of a quiet container reaches, in milliseconds: the Logs page's default range. */
const RANGE_MS = 900_000;
/** Docker's short ids, under which the server keeps containers without a name. */
const SHORT_ID = /^[0-9a-f]{12}$/;
/** Fields under which log drivers name a pod. */
const POD_FIELDS = ["kubernetes.pod_name", "kubernetes.pod.name", "k8s.pod.name", "kubernetes_pod_name", "pod_name", "pod"];
/** Names of pods end so: five characters of an alphabet without vowels. */
const POD_NAME = /-[bcdfghjklmnpqrstvwxz2456789]{5}$/;

export type Band = "well" | "fair" | "poor" | "unknown";

/** How much to worry, by completeness in percent. */
export function band(completeness: number | null): Band {
  return completeness === null ? "unknown" : completeness >= WELL_MIN ? "well" : completeness >= FAIR_MIN ? "fair" : "poor";
}

/** `99.950 %`, rounded down, so that 100 means all of it. */
export function percent(completeness: number | null): string {
  // The epsilon keeps what is written with three decimals as it is written: 96.542 is a little less in binary.
  return completeness === null ? "–" : `${(Math.floor(completeness * 1000 + 1e-6) / 1000).toFixed(3)} %`;
}

/** Identifies a row: containers of one name on two hosts are two. */
export function containerKey(container: Container): string {
  return `${container.host}\n${container.container}`;
}

/** What was lost of it by name, and what was refused, by reason. */
export function ownLosses({ losses, refused }: Container): readonly Loss[] {
  return refused > 0 ? [...losses, { reason: "store_refused", count: refused }] : losses;
}

/** Something is missing that is known to be its own, or so much that the estimate matters. */
export function hasTrouble(container: Container): boolean {
  return sumOf(container.losses) > 0 || band(container.completeness) === "fair" || band(container.completeness) === "poor";
}

/** What the filter looks at. */
export function containerText(container: Container): string {
  const reasons = ownLosses(container).filter((loss) => loss.count > 0).map((loss) => `${loss.reason} ${lossWords(loss.reason)}`);
  return [container.container, container.host, ...reasons].join(" ");
}

/** A sorted copy; equals stand by name, and what is not known yet stands last. */
export function sorted(containers: readonly Container[], { column, descending }: ContainerSort): readonly Container[] {
  const sign = descending ? -1 : 1;
  const byName = (a: Container, b: Container) => a.container.localeCompare(b.container) || a.host.localeCompare(b.host);
  return [...containers].sort((a, b) => {
    if (column === "container") {
      return sign * byName(a, b);
    }
    const [left, right] = [figure(a, column), figure(b, column)];
    if (left === null || right === null) {
      return (left === null ? 1 : 0) - (right === null ? 1 : 0) || byName(a, b);
    }
    return sign * (left - right) || byName(a, b);
  });
}

/** The order after a click on a column's name: the other way round, or the column's own way first. */
export function clicked(sort: ContainerSort, column: ContainerColumn): ContainerSort {
  if (sort.column === column) {
    return { column, descending: !sort.descending };
  }
  return { column, descending: column !== "container" && column !== "completeness" };
}

/** The query that finds a container's records, by the fields under which log drivers name it. */
export function containerQuery({ container, host }: Container): string {
  if (container === host) {
    return condition("host", host, "include");
  }
  // Some log drivers write names as Docker keeps them, with a slash, which the server leaves out of the table.
  const names = [condition("container_name", container, "include"), condition("container_name", `/${container}`, "include")];
  if (SHORT_ID.test(container)) {
    names.push(`container_id:${container}*`);
  }
  if (POD_NAME.test(container)) {
    names.unshift(...POD_FIELDS.map((field) => condition(field, container, "include")));
  }
  return `(${names.join(" OR ")}) ${condition("host", host, "include")}`;
}

/** A range in which the container wrote: the page's own unless it has been quiet for longer. */
export function containerRange(container: Container, now: number): TimeRange | null {
  const last = container.last_received;
  // The clock of the record may run ahead of its arrival, so the range ends a little later.
  return now - last < RANGE_MS ? null : { from: String(last - RANGE_MS), to: String(last + 60_000) };
}

function figure(container: Container, column: Exclude<ContainerColumn, "container">): number | null {
  switch (column) {
    case "lost":
      return sumOf(container.losses);
    case "estimate":
      return container.shared_losses;
    default:
      return container[column];
  }
}
