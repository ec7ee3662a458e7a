// The live tail as state: arrivals are gathered and shown a few times a second.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { tail as openTail } from "../../api/tail";
import { EMPTY_TAIL, LIVE_RECORDS_MAX, NOTHING_GATHERED, gather, receive, release, type Tail } from "../../lib/records";

/** How often gathered arrivals are shown, in milliseconds. */
const SHOW_MS = 200;

export type Connection = "off" | "connecting" | "on" | "interrupted" | "full";

interface LiveTail {
  readonly tail: Tail;
  readonly connection: Connection;
  /** Shows the records that wait. */
  readonly showWaiting: () => void;
}

/**
 * `hold` is asked at each showing: while it holds, arrivals wait. Once as many wait as the page keeps, the stream is
 * closed, so that the server need not send what nobody looks at; it opens again when they are shown.
 */
export function useTail(query: string, live: boolean, hold: () => boolean): LiveTail {
  const [tail, setTail] = useState<Tail>(EMPTY_TAIL);
  const [connection, setConnection] = useState<Connection>("off");
  const holds = useRef(hold);
  holds.current = hold;
  const full = live && tail.waiting.length >= LIVE_RECORDS_MAX;

  useEffect(() => setTail(EMPTY_TAIL), [query, live]);
  useEffect(() => {
    if (!live) {
      setConnection("off");
      return undefined;
    }
    if (full) {
      setConnection("full");
      return undefined;
    }
    setConnection("connecting");
    let gathered = NOTHING_GATHERED;
    const timer = setInterval(() => {
      const { records, lost } = gathered;
      gathered = NOTHING_GATHERED;
      setTail((now) => {
        const next = records.length > 0 ? receive(now, records, holds.current()) : holds.current() ? now : release(now);
        return lost > 0 ? { ...next, lost: next.lost + lost } : next;
      });
    }, SHOW_MS);
    const close = openTail(query, {
      onRecords: (records) => {
        gathered = gather(gathered, records);
      },
      onLost: (records) => setTail((now) => ({ ...now, lost: now.lost + records })),
      onConnected: (connected) => setConnection(connected ? "on" : "interrupted"),
    });
    return () => {
      clearInterval(timer);
      close();
    };
  }, [query, live, full]);

  return { tail, connection, showWaiting: useCallback(() => setTail(release), []) };
}
