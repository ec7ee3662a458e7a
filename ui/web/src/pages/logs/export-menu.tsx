// All that the query answers as a file, records or rows: the browser downloads it while the server finds it.

import { useState } from "preact/hooks";
import { exportUrl, type LogQuery, type Order } from "../../api/logs";
import { PopoverButton } from "../../components/popover-button";

interface Props {
  readonly query: LogQuery;
  /** `null` for a table, whose order is its query's. */
  readonly order: Order | null;
  readonly columns: readonly string[];
}

/** What every exported record has beside its columns. */
const OWN = ["time", "host", "level", "message"] as const;

export function ExportMenu(props: Props) {
  return <PopoverButton label="Export" icon="download" panel={(close) => <Formats {...props} onDone={close} />} />;
}

export function Formats({ query, order, columns, onDone }: Props & { onDone(): void }) {
  const [all, setAll] = useState(columns.length === 0);
  const fields = all ? [] : [...new Set([...OWN, ...columns])];
  const link = (format: "ndjson" | "csv", words: string) => (
    <a class="button" href={exportUrl(query, format, order ?? "newest", fields)} download={`watchfire-logs.${format}`} onClick={onDone}>
      {words}
    </a>
  );
  return (
    <div class="export-panel">
      <p>{order === null ? "Every row of the table, without a limit." : `Every record of the query and range, ${order} first, without a limit.`}</p>
      {order !== null && (
        <label>
          <input type="checkbox" checked={!all} disabled={columns.length === 0} onChange={(event) => setAll(!event.currentTarget.checked)} />
          Only the columns shown
        </label>
      )}
      <p class="row">
        {link("ndjson", "NDJSON")}
        {link("csv", "CSV")}
      </p>
    </div>
  );
}
