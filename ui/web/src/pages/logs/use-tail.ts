// The live tail as state: arrivals are gathered and shown a few times a second.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { tail as openTail, type LogRecord } from "../../api/logs";
import { EMPTY_TAIL, receive, release, type Tail } from "../../lib/records";

/** How often gathered arrivals are shown, in milliseconds. */
const SHOW_MS = 200;

export type Connection = "off" | "connecting" | "on" | "interrupted";

interface LiveTail {
  readonly tail: Tail;
  readonly connection: Connection;
  /** Shows the records that wait. */
  readonly showWaiting: () => void;
}

/** `hold` is asked at each showing: while it holds, arrivals wait. */
export function useTail(query: string, live: boolean, hold: () => boolean): LiveTail {
  const [tail, setTail] = useState<Tail>(EMPTY_TAIL);
  const [connection, setConnection] = useState<Connection>("off");
  const holds = useRef(hold);
  holds.current = hold;

  useEffect(() => {
    setTail(EMPTY_TAIL);
    if (!live) {
      setConnection("off");
      return undefined;
    }
    setConnection("connecting");
    let gathered: LogRecord[] = [];
    const timer = setInterval(() => {
      const arrivals = gathered;
      gathered = [];
      setTail((now) => (arrivals.length > 0 ? receive(now, arrivals, holds.current()) : holds.current() ? now : release(now)));
    }, SHOW_MS);
    const close = openTail(query, {
      onRecords: (records) => gathered.push(...records),
      onLost: (records) => setTail((now) => ({ ...now, lost: now.lost + records })),
      onConnected: (connected) => setConnection(connected ? "on" : "interrupted"),
    });
    return () => {
      clearInterval(timer);
      close();
    };
  }, [query, live]);

  return { tail, connection, showWaiting: useCallback(() => setTail(release), []) };
}
