// A log query cut into its pieces: words, brackets, pipes. Quotes, escapes and regular expressions hold together.

export interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many brackets are open around the token. */
  readonly depth: number;
}

/** All pieces of a query but white space; never fails, an open quote goes to the end. */
export function tokenize(text: string): readonly Token[] {
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
    const end = text.startsWith("||", index) ? index + 2 : "()|".includes(char) ? index + 1 : wordEnd(text, index);
    tokens.push({ text: text.slice(index, end), start: index, end, depth });
    if (char === "(") {
      depth += 1;
    }
    index = end;
  }
  return tokens;
}

export interface Segment {
  /** Without the `|` before it. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The searching part and then each pipe, with where they stand. */
export function segments(query: string): readonly [search: Segment, ...pipes: Segment[]] {
  const bars = tokenize(query).filter((token) => token.text === "|" && token.depth === 0);
  const segment = (start: number, end: number): Segment => ({ text: query.slice(start, end), start, end });
  return [segment(0, bars[0]?.start ?? query.length), ...bars.map((bar, index) => segment(bar.end, bars[index + 1]?.start ?? query.length))];
}

/** The searching part and the pipes (with their leading `|`, or empty). */
export function splitPipes(query: string): [search: string, pipes: string] {
  const [search] = segments(query);
  return [search.text.trim(), query.slice(search.end).trim()];
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
    } else if (char === "/" && (index === start || text.charAt(index - 1) === ":")) {
      index = regexEnd(text, index) ?? index + 1;
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

/** Where `/…/` or `/…/i` ends, or `null` where the slash is one of a path. */
function regexEnd(text: string, start: number): number | null {
  for (let index = start + 1; index < text.length; index += text.charAt(index) === "\\" ? 2 : 1) {
    if (text.charAt(index) === "/") {
      const end = text.charAt(index + 1) === "i" ? index + 2 : index + 1;
      return end >= text.length || /[\s()|]/u.test(text.charAt(end)) ? end : null;
    }
  }
  return null;
}
