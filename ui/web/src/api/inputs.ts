// `GET /api/watchfire/v1/inputs`: what listens for logs, and what came of it.

import { getJson, type Answer } from "./client";

/** So many of something lost, and why. */
export interface Loss {
  readonly reason: string;
  readonly count: number;
}

/** What became of messages: `received = stored + refused + dropped + waiting`. */
export interface MessageCounts {
  /** Those that were read, and one for each that was lost unread. */
  readonly received: number;
  readonly stored: number;
  /** Not acceptable as they are, or not stored with an answer that said so. */
  readonly refused: number;
  /** Lost on the way. */
  readonly dropped: number;
  /** On their way to the store now. */
  readonly waiting: number;
}

export interface Sender {
  readonly sender: string;
  /** In the store. */
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
  /** In the store. */
  readonly records: number;
  readonly messages: MessageCounts;
  readonly losses: readonly Loss[];
  /** Unix milliseconds. */
  readonly last_received: number | null;
  readonly last_error: string;
  readonly senders: readonly Sender[];
}

export function inputs(signal?: AbortSignal): Promise<Answer<{ readonly inputs: readonly Input[] }>> {
  return getJson("watchfire/v1/inputs", {}, signal);
}
