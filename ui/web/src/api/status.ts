// `GET /api/watchfire/v1/status`: Watchfire's own health.

import { getJson, type Answer } from "./client";

export interface Notice {
  readonly severity: "error" | "warning" | "info";
  readonly text: string;
}

export interface Status {
  readonly version: string;
  /** RFC 3339. */
  readonly started: string;
  readonly notices: readonly Notice[];
  /** Alerts that fire. */
  readonly firing: number;
  /** Records lost. */
  readonly losses: number;
  /** Addresses listened on; `null` where an input is off. */
  readonly listen: Readonly<Record<"http", string> & Record<"gelf_udp" | "gelf_tcp", string | null>>;
}

export function status(signal?: AbortSignal): Promise<Answer<Status>> {
  return getJson("watchfire/v1/status", {}, signal);
}
