// Keyboard shortcuts: single keys and two-key sequences.

/** Every shortcut of the page, for the help panel. */
export const SHORTCUTS: readonly { readonly title: string; readonly keys: readonly (readonly [keys: string, does: string])[] }[] = [
  {
    title: "Everywhere",
    keys: [
      ["/", "query or filter"],
      ["t", "time range"],
      ["r", "run again"],
      ["g l", "logs"],
      ["g m", "metrics"],
      ["g a", "alerts"],
      ["g i", "inputs, containers and targets"],
      ["g s", "storage"],
      ["Ctrl+K", "find pages, searches and metrics"],
      ["?", "this list"],
      ["Esc", "leave a field, close a panel"],
    ],
  },
  {
    title: "Logs",
    keys: [
      ["j k", "next, previous record"],
      ["Enter", "open or close its fields"],
      ["c", "the records around it"],
      ["f", "only this source"],
      ["x", "not this source"],
      ["o", "newest or oldest first"],
      ["l", "live on or off"],
      ["p", "pause the live tail"],
      ["s", "saved searches"],
      ["Esc", "close what is open"],
    ],
  },
  {
    title: "Metrics",
    keys: [
      ["m", "browse the metrics there are"],
      ["e", "what each part of the query cost"],
      ["Shift+Enter", "in the list: write the metric"],
    ],
  },
  {
    title: "Query",
    keys: [
      ["Enter", "run"],
      ["Shift+Enter", "new line"],
      ["Tab", "take the completion"],
      ["Ctrl+Space", "what could stand here"],
    ],
  },
  {
    title: "Charts",
    keys: [
      ["drag", "zoom in"],
      ["double-click", "zoom out"],
      ["click", "legend: only this series"],
      ["Ctrl+click", "legend: this series on or off"],
    ],
  },
];

/** How long the first key of a sequence waits for the second, in milliseconds. */
const SEQUENCE_MS = 1_200;

/** Turns key presses into the names of shortcuts: `g` then `l` gives `g l`. */
export class KeyReader {
  private prefix: { readonly key: string; readonly at: number } | null = null;

  /** `known` are the shortcuts that mean something now; returns the one that the press completes. */
  press(key: string, at: number, known: ReadonlySet<string>): string | null {
    const prefix = this.prefix !== null && at - this.prefix.at <= SEQUENCE_MS ? this.prefix.key : null;
    this.prefix = null;
    if (prefix !== null && known.has(`${prefix} ${key}`)) {
      return `${prefix} ${key}`;
    }
    if (known.has(key)) {
      return key;
    }
    if ([...known].some((name) => name.startsWith(`${key} `))) {
      this.prefix = { key, at };
    }
    return null;
  }
}
