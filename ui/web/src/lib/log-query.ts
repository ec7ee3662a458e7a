// Edits of a log query's text: filters added and taken away by click, positions of errors.
// The dialect is Lucene's: `field:value`, `NOT`, quotes, `AND` between neighbours, pipes after `|`.

export type FilterMode = "include" | "exclude";

const BARE_VALUE = /^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/u;
const BARE_FIELD = /^[\p{L}\p{N}_@][\p{L}\p{N}_.@-]*$/u;

/** `service:checkout`, `NOT path:"/a b"`: one condition in the query's dialect. */
export function condition(field: string, value: string, mode: FilterMode): string {
  const name = BARE_FIELD.test(field) ? field : field.replace(/[\s+\-&|!(){}[\]^"~*?:\\/]/gu, (c) => `\\${c}`);
  const word = NUMBER.test(value) || (BARE_VALUE.test(value) && !/^(AND|OR|NOT|TO)$/u.test(value));
  const text = word ? value : `"${value.replace(/["\\]/gu, (c) => `\\${c}`)}"`;
  return `${mode === "exclude" ? "NOT " : ""}${name}:${text}`;
}

/**
 * Adds a condition to a query, before its first pipe. A condition that is there already is taken away
 * (so a second click undoes the first), its opposite is replaced, and alternatives are put in brackets.
 */
export function toggleFilter(query: string, field: string, value: string, mode: FilterMode): string {
  const [search, pipes] = splitPipes(query);
  const wanted = condition(field, value, mode);
  const without = removeCondition(search, field, value);
  if (hasCondition(search, field, value) === mode) {
    return join(without, pipes);
  }
  if (without === "" || without === "*") {
    return join(wanted, pipes);
  }
  return join(`${hasAlternatives(without) ? `(${without})` : without} ${wanted}`, pipes);
}

/** Whether the query includes or excludes the pair at its top level. */
export function hasCondition(query: string, field: string, value: string): FilterMode | null {
  const tokens = tokenize(splitPipes(query)[0]);
  const wanted = condition(field, value, "include");
  const index = tokens.findIndex((token) => token.depth === 0 && token.text === wanted);
  if (index < 0) {
    return null;
  }
  return tokens[index - 1]?.text === "NOT" ? "exclude" : "include";
}

/** The UTF-16 index of a byte offset in the text's UTF-8 form, inside the text. */
export function byteToIndex(text: string, offset: number): number {
  let bytes = 0;
  let index = 0;
  for (const char of text) {
    if (bytes >= offset) {
      return index;
    }
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    index += char.length;
  }
  return text.length;
}

/** The searching part and the pipes (with their leading `|`, or empty). */
export function splitPipes(query: string): [search: string, pipes: string] {
  const pipe = tokenize(query).find((token) => token.text === "|" && token.depth === 0);
  return pipe ? [query.slice(0, pipe.start).trim(), query.slice(pipe.start).trim()] : [query.trim(), ""];
}

interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many brackets are open around the token. */
  readonly depth: number;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let depth = 0;
  let index = 0;
  while (index < text.length) {
    const char = text.charAt(index);
    if (/\s/u.test(char)) {
      index += 1;
      continue;
    }
    if (char === ")") {
      depth = Math.max(0, depth - 1);
    }
    const end = "()|".includes(char) ? index + 1 : wordEnd(text, index);
    tokens.push({ text: text.slice(index, end), start: index, end, depth });
    if (char === "(") {
      depth += 1;
    }
    index = end;
  }
  return tokens;
}

/** Where the word ends that starts at `start`: at white space, a bracket or a pipe outside quotes. */
function wordEnd(text: string, start: number): number {
  let index = start;
  while (index < text.length) {
    const char = text.charAt(index);
    if (char === "\\") {
      index += 2;
    } else if (char === '"') {
      index = quoteEnd(text, index);
    } else if (/[\s()|]/u.test(char)) {
      break;
    } else {
      index += 1;
    }
  }
  return Math.min(Math.max(index, start + 1), text.length);
}

function quoteEnd(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text.charAt(index) !== '"') {
    index += text.charAt(index) === "\\" ? 2 : 1;
  }
  return index + 1;
}

function removeCondition(search: string, field: string, value: string): string {
  const tokens = tokenize(search);
  const wanted = condition(field, value, "include");
  const index = tokens.findIndex((token) => token.depth === 0 && token.text === wanted);
  const found = tokens[index];
  if (!found) {
    return search;
  }
  let first = index;
  if (tokens[first - 1]?.text === "NOT") {
    first -= 1;
  }
  // Its conjunction goes with it; an `OR` beside it would change what the rest means, so the query stays.
  const before = tokens[first - 1]?.text;
  const after = tokens[index + 1]?.text;
  if (before === "OR" || after === "OR") {
    return search;
  }
  let last = index;
  if (before === "AND") {
    first -= 1;
  } else if (after === "AND") {
    last += 1;
  }
  const start = tokens[first]?.start ?? found.start;
  const end = tokens[last]?.end ?? found.end;
  return `${search.slice(0, start).trimEnd()} ${search.slice(end).trimStart()}`.trim();
}

function hasAlternatives(search: string): boolean {
  return tokenize(search).some((token) => token.depth === 0 && token.text === "OR");
}

function join(search: string, pipes: string): string {
  return pipes === "" ? search : search === "" ? `* ${pipes}` : `${search} ${pipes}`;
}
