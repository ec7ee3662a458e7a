// One way to ask the server: a value or a failure with a tag, never an exception.
// The page and the server ship in one binary, so the shape of a successful answer is trusted.

/** Why an answer did not come. */
export type Failure =
  /** The query or a parameter is wrong; `start` and `end` are byte offsets into the query, `suggestion` is what to put there. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string; readonly start?: number; readonly end?: number; readonly suggestion?: string }
  /** The server answered that it failed. */
  | { readonly kind: "broken"; readonly status: number; readonly message: string }
  /** Nobody answered. */
  | { readonly kind: "unreachable"; readonly message: string }
  /** The page gave up on the request. */
  | { readonly kind: "cancelled"; readonly message: string };

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export type Params = Readonly<Record<string, string | number | null | undefined>>;

/** Where the API begins; pages have one path segment, so this holds below a reverse proxy's path too. */
export function apiUrl(path: string, params: Params = {}): string {
  const url = new URL(`./api/${path}`, document.baseURI);
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined) {
      url.searchParams.append(name, String(value));
    }
  }
  return url.href;
}

/** Characters of an address that every server and proxy takes; a longer question goes in a form. */
const ADDRESS_MAX = 4_000;

/** `GET`s JSON; parameters that are too long for an address are `POST`ed as a form, which the log calls take. */
export function getJson<T>(path: string, params: Params, signal: AbortSignal | undefined): Promise<Answer<T>> {
  const url = apiUrl(path, params);
  const how: RequestInit = signal ? { signal } : {};
  if (url.length <= ADDRESS_MAX) {
    return ask(url, how);
  }
  const { origin, pathname, searchParams } = new URL(url);
  return ask(`${origin}${pathname}`, { ...how, method: "POST", body: searchParams });
}

/** `GET`s lines of JSON, one value a line (NDJSON). */
export function getLines(path: string, params: Params, signal: AbortSignal | undefined): Promise<Answer<readonly unknown[]>> {
  return ask(apiUrl(path, params), { ...(signal ? { signal } : {}), headers: { accept: "application/x-ndjson" } }, async (response) =>
    (await response.text())
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line): unknown => JSON.parse(line)),
  );
}

/** `PUT`s JSON and reads JSON. */
export function putJson<T>(path: string, body: unknown): Promise<Answer<T>> {
  return ask(apiUrl(path), { method: "PUT", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
}

/** `DELETE`s; an answer without a body is a success. */
export function deleteAt(path: string, params: Params = {}): Promise<Answer<unknown>> {
  return ask(apiUrl(path, params), { method: "DELETE" });
}

/** `POST`s nothing and reads JSON; not to be stopped half-way. */
export function postJson<T>(path: string): Promise<Answer<T>> {
  return ask(apiUrl(path), { method: "POST" });
}

/** The value, or the failure thrown: what TanStack Query wants of a query function. */
export async function valueOf<T>(answer: Promise<Answer<T>>): Promise<T> {
  const settled = await answer;
  if (settled.ok) {
    return settled.value;
  }
  throw settled.failure;
}

async function ask<T>(url: string, how: RequestInit, read: (response: Response) => Promise<unknown> = (response) => response.json()): Promise<Answer<T>> {
  let response: Response;
  try {
    response = await fetch(url, { ...how, headers: { accept: "application/json", ...how.headers } });
  } catch (error) {
    return { ok: false, failure: thrown(error) };
  }
  let body: unknown;
  try {
    body = await (response.ok ? read(response) : response.json());
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      return { ok: false, failure: thrown(error) };
    }
    body = null;
  }
  if (response.ok && (body !== null || response.status === 204)) {
    return { ok: true, value: body as T };
  }
  return { ok: false, failure: answered(response, body) };
}

function thrown(error: unknown): Failure {
  if (error instanceof DOMException && error.name === "AbortError") {
    return { kind: "cancelled", message: "Stopped." };
  }
  return { kind: "unreachable", message: "Watchfire does not answer. Is it running, and is this computer online?" };
}

/** Our errors are `{"error": {"message", "start", "end", "suggestion"}}`, those of Prometheus' API `{"error": "…"}`. */
function answered(response: Response, body: unknown): Failure {
  const error = typeof body === "object" && body !== null && "error" in body ? body.error : null;
  const own = typeof error === "object" && error !== null ? (error as Readonly<Record<string, unknown>>) : null;
  const text = own ? own["message"] : error;
  const message = typeof text === "string" && text !== "" ? text : `The server answered ${response.status} ${response.statusText}`.trim();
  if (response.status < 400 || response.status >= 500) {
    return { kind: "broken", status: response.status, message };
  }
  const start = own?.["start"];
  const end = own?.["end"];
  const suggestion = own?.["suggestion"];
  return {
    kind: "refused",
    status: response.status,
    message,
    ...(typeof start === "number" ? { start } : {}),
    ...(typeof end === "number" ? { end } : {}),
    ...(typeof suggestion === "string" && suggestion !== "" ? { suggestion } : {}),
  };
}
