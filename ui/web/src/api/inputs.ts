// `GET /api/watchfire/v1/inputs`: what listens for logs, and what came of it.

import { getJson, type Answer } from "./client";

export interface Sender {
  readonly sender: string;
  readonly records: number;
  readonly losses: number;
  /** Unix milliseconds. */
  readonly last_received: number | null;
}

export interface Input {
  readonly kind: string;
  readonly address: string;
  /** Datagrams, frames or requests. */
  readonly received: number;
  readonly received_bytes: number;
  readonly records: number;
  readonly losses: readonly { readonly reason: string; readonly count: number }[];
  /** Unix milliseconds. */
  readonly last_received: number | null;
  readonly last_error: string;
  readonly senders: readonly Sender[];
}

export function inputs(signal?: AbortSignal): Promise<Answer<{ readonly inputs: readonly Input[] }>> {
  return getJson("watchfire/v1/inputs", {}, signal);
}
