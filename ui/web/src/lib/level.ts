// Severity of a record: syslog's numbers, as words, letters and colour tokens.

/** Syslog severity 0 (emergency) to 7 (debug); spec: RFC 5424, section 6.2.1. */
export interface Level {
  readonly number: number;
  readonly name: string;
  /** One character, unique among the levels. */
  readonly letter: string;
  /** Custom property that holds the level's colour. */
  readonly tone: string;
}

export const LEVELS: readonly Level[] = [
  { number: 0, name: "emergency", letter: "!", tone: "--critical" },
  { number: 1, name: "alert", letter: "A", tone: "--critical" },
  { number: 2, name: "critical", letter: "C", tone: "--critical" },
  { number: 3, name: "error", letter: "E", tone: "--error" },
  { number: 4, name: "warning", letter: "W", tone: "--warn" },
  { number: 5, name: "notice", letter: "N", tone: "--notice" },
  { number: 6, name: "info", letter: "I", tone: "--info" },
  { number: 7, name: "debug", letter: "D", tone: "--debug" },
];

export const NO_LEVEL = { number: null, name: "no level", letter: "·", tone: "--debug" } as const;

/** The level of a number or of its text, or `NO_LEVEL`. */
export function levelOf(value: number | string | null | undefined): Level | typeof NO_LEVEL {
  if (value === null || value === undefined || value === "") {
    return NO_LEVEL;
  }
  return LEVELS[Number(value)] ?? NO_LEVEL;
}
