// A query that found nothing: what that may mean, and where else to look.

import type { TimeRange } from "../../lib/time-range";

interface Props {
  readonly query: string;
  readonly range: string;
  onRange(range: TimeRange): void;
  onClear(): void;
}

export function NoMatch({ query, range, onRange, onClear }: Props) {
  return (
    <div class="empty">
      <h1>No record matches</h1>
      <p>
        <code>{query}</code> found nothing: {range.toLowerCase()}. Words between spaces must all occur; <code>OR</code> asks for either, <code>*</code> stands for any letters.
      </p>
      <p>
        <button type="button" class="button small" onClick={() => onRange({ from: "now-24h", to: "now" })}>
          Last 24 hours
        </button>{" "}
        <button type="button" class="button small" onClick={() => onRange({ from: "now-7d", to: "now" })}>
          Last 7 days
        </button>{" "}
        <button type="button" class="button small" onClick={onClear}>
          All records
        </button>
      </p>
    </div>
  );
}
