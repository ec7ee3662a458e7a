// `GET logs/tail`: new records as they arrive, by Server-Sent Events.

import { apiUrl } from "./client";
import type { LogRecord } from "./logs";

export interface TailHandlers {
  onRecords(records: readonly LogRecord[]): void;
  /** The server let records go, for this reader is too slow. */
  onLost(records: number): void;
  /** `true` once events flow, `false` while the browser tries again. */
  onConnected(connected: boolean): void;
}

/** How long to wait before a tail is opened again that the server or a proxy refused, in milliseconds. */
const REOPEN_MS = 3_000;

/** Opens the stream; returns what ends it. */
export function tail(query: string, handlers: TailHandlers): () => void {
  let source: EventSource;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = () => {
    source = new EventSource(apiUrl("watchfire/v1/logs/tail", { query }));
    source.onopen = () => handlers.onConnected(true);
    source.onerror = () => {
      handlers.onConnected(false);
      // After a broken connection the browser tries again by itself, after an error answer it gives up.
      if (source.readyState === EventSource.CLOSED) {
        timer = setTimeout(open, REOPEN_MS);
      }
    };
    source.addEventListener("records", (event: MessageEvent<string>) => handlers.onRecords(JSON.parse(event.data) as LogRecord[]));
    source.addEventListener("lost", (event: MessageEvent<string>) => handlers.onLost((JSON.parse(event.data) as { records: number }).records));
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
