// Nothing to show: how to send the first record, and waiting for it.

import { useEffect, useRef } from "preact/hooks";
import { useInputs, useStatus } from "../../app/queries";
import { CopyButton } from "../../components/copy-button";
import { dockerRun, senderAddress, shellLine } from "../../lib/first-record";
import { bytes, count, plural } from "../../lib/format";
import type { TimeRange } from "../../lib/time-range";

/** How often the inputs are asked while the page waits, in milliseconds. */
const WATCH_MS = 2_000;

interface Props {
  readonly rangeLabel: string;
  onRange(range: TimeRange): void;
  /** Records came in: look again. */
  onArrival(): void;
}

export function FirstRecord({ rangeLabel, onRange, onArrival }: Props) {
  const status = useStatus();
  const inputs = useInputs(WATCH_MS);
  const records = inputs.data?.reduce((sum, input) => sum + input.records, 0);
  const seen = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (records !== undefined) {
      if (seen.current !== undefined && records > seen.current) {
        onArrival();
      }
      seen.current = records;
    }
  }, [records]);

  const listen = status.data?.listen.gelf_udp ?? inputs.data?.find((input) => input.kind === "gelf-udp")?.address ?? "";
  const address = senderAddress(listen, location.hostname);
  const received = inputs.data?.reduce((sum, input) => sum + input.received, 0) ?? 0;
  const receivedBytes = inputs.data?.reduce((sum, input) => sum + input.received_bytes, 0) ?? 0;
  const losses = inputs.data?.flatMap((input) => input.losses) ?? [];
  return (
    <div class="empty first">
      <h1>{received === 0 ? "Waiting for the first record" : `No records: ${rangeLabel.toLowerCase()}`}</h1>
      <p>Containers log here through Docker's GELF driver. This one says a word and leaves:</p>
      <Snippet text={dockerRun(address)} />
      <p>Without Docker:</p>
      <Snippet text={shellLine(address)} />
      <p class="watch" role="status">
        <span class={`state ${received > 0 ? "tone-ok" : "tone-ember hollow"}`}>
          {received === 0 ? `Listening on ${listen || "GELF, UDP port 12201"}` : `${plural(received, "message")} received, ${bytes(receivedBytes)}, ${plural(records ?? 0, "record")}`}
        </span>
        {losses.map((loss) => (
          <span key={loss.reason} class="state tone-error">
            {count(loss.count)} lost: {loss.reason.replaceAll("_", " ")}
          </span>
        ))}
      </p>
      <p>
        Sent before?{" "}
        <button type="button" class="button small" onClick={() => onRange({ from: "now-24h", to: "now" })}>
          Last 24 hours
        </button>{" "}
        <button type="button" class="button small" onClick={() => onRange({ from: "now-30d", to: "now" })}>
          Last 30 days
        </button>
      </p>
    </div>
  );
}

function Snippet({ text }: { readonly text: string }) {
  return (
    <div class="snippet">
      <pre tabIndex={0}>{text}</pre>
      <CopyButton label="Copy these lines" text={() => text} />
    </div>
  );
}
