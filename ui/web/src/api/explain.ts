// `GET /api/watchfire/v1/metrics/explain`: an expression's tree with what each part of it returned and cost.

import { getJson, type Answer } from "./client";

export interface Explained {
  /** The part's own text. */
  readonly text: string;
  /** `aggregation`, `binary`, `call`, `selector`, `matrix selector`, `subquery`, `number`, `string`, `unary`, `paren`. */
  readonly kind: string;
  /** Byte offsets into the expression. */
  readonly start: number;
  readonly end: number;
  /** What it returned. */
  readonly series: number;
  readonly points: number;
  readonly samples_read: number;
  /** CPU time of this part without its children, in seconds. */
  readonly seconds: number;
  /** The same part stands elsewhere too and was answered once. */
  readonly reused: boolean;
  readonly children: readonly Explained[];
}

export interface Explanation {
  readonly tree: Explained;
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

/** When an expression is evaluated: once, or at evenly spaced instants; Unix seconds. */
export type Moments = { readonly time: number } | { readonly start: number; readonly end: number; readonly step: number };

export async function explain(expr: string, moments: Moments, signal?: AbortSignal): Promise<Answer<Explanation>> {
  const answer = await getJson<{ readonly data: Explanation }>("watchfire/v1/metrics/explain", { query: expr, ...moments }, signal);
  return answer.ok ? { ok: true, value: answer.value.data } : answer;
}
