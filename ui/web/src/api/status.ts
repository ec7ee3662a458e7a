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
  /** Addresses listened on, by input. */
  readonly listen: Readonly<Partial<Record<"http" | "gelf_udp" | "gelf_tcp", string>>>;
}

export function status(signal?: AbortSignal): Promise<Answer<Status>> {
  return getJson("watchfire/v1/status", {}, signal);
}
