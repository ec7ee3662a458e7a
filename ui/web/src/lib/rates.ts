// Rates of counters that are polled: the difference of two looks over the time between them.

export interface Look {
  /** Unix milliseconds. */
  readonly at: number;
  readonly counters: ReadonlyMap<string, number>;
}

/** Per second and counter; a counter that fell was reset, so it starts again from zero. */
export function rates(before: Look | null, now: Look): ReadonlyMap<string, number> {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  const result = new Map<string, number>();
  if (!before || seconds <= 0) {
    return result;
  }
  for (const [name, value] of now.counters) {
    const old = before.counters.get(name);
    if (old !== undefined) {
      result.set(name, (value >= old ? value - old : value) / seconds);
    }
  }
  return result;
}
