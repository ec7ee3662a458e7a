// `GET /api/watchfire/v1/containers`: what became of each container's records, the worst first.

import { getJson, type Answer } from "./client";
import type { Loss } from "./inputs";

/** What became of records: `received = stored + refused + losses + waiting`. */
export interface ContainerCounts {
  /** Records that were read. */
  readonly received: number;
  readonly stored: number;
  /** Not stored, and the sender was told so: it may have sent them again. */
  readonly refused: number;
  /** On their way to the store now. */
  readonly waiting: number;
  readonly losses: readonly Loss[];
  /** An estimate: the share of what inputs lost unread, without knowing whose it was. */
  readonly shared_losses: number;
  /** Percent of all that was stored or lost; `null` before anything is known. */
  readonly completeness: number | null;
}

export interface Container extends ContainerCounts {
  /** The container's name or id, its pod, else its host. */
  readonly container: string;
  /** Where it runs: containers of one name on two hosts are two. */
  readonly host: string;
  /** Unix milliseconds. */
  readonly first_received: number;
  /** Unix milliseconds. */
  readonly last_received: number;
}

export interface Containers {
  /** At most a thousand. */
  readonly containers: readonly Container[];
  /** Containers that the server keeps apart. */
  readonly tracked: number;
  /** Containers that had to make room for others: they count in `total` only. */
  readonly forgotten: number;
  readonly total: ContainerCounts;
  /** An estimate: losses of senders from which no record came at that time. */
  readonly unshared_losses: number;
}

export function containers(signal?: AbortSignal): Promise<Answer<Containers>> {
  return getJson("watchfire/v1/containers", {}, signal);
}
