import { expect, test } from "vitest";
import { COMPLETIONS_MAX, complete, completions, spotAt, type Spot } from "./completion";

const FIELDS = ["service", "host", "level", "took ms", "my_service"].map((name) => ({ name, about: "text" }));

/** `‸` is the caret. */
function at(marked: string): Spot | null {
  return spotAt(marked.replace("‸", ""), marked.indexOf("‸"));
}

function check(marked: string, kind: Spot["kind"] | null, typed = "", field: string | null = null) {
  const spot = at(marked);
  expect(spot && { kind: spot.kind, typed: spot.typed, field: spot.field }, marked).toEqual(kind && { kind, typed, field });
}

test("in the searching part stand fields and values", () => {
  check("‸", "field");
  check("refused ser‸", "field", "ser");
  check("(a OR -ser‸", "field", "ser");
  check("service:‸", "value", "", "service");
  check("NOT service:che‸ x", "value", "che", "service");
  check('service:"a b‸', "value", "a b", "service");
  check("took\\ ms:1‸", "value", "1", "took ms");
  check('"a phrase‸', null);
  check('service:"a b" ‸', "field");
});

test("after a pipe stand pipes, their functions and fields", () => {
  check("a |‸", "pipe");
  check("a | st‸", "pipe", "st");
  check("a | stats ‸", "function");
  check("a | stats co‸", "function", "co");
  check("a | stats avg(to‸", "argument", "to");
  check("a | stats avg(x), p9‸", "function", "p9");
  check("a | stats count() by (ser‸", "argument", "ser");
  check("a | stats by (host) ma‸", "function", "ma");
  check("a | fields host, le‸", "argument", "le");
  check("a | filter ser‸", "field", "ser");
  check("a | where service:c‸", "value", "c", "service");
  check("a | limit 1‸", null);
  check('a | extract "took <‸', null);
});

test("what begins as typed comes first", () => {
  const labels = (marked: string, values: readonly string[] = []) => {
    const spot = at(marked);
    return spot ? completions(spot, FIELDS, values).map((entry) => entry.label) : [];
  };
  expect(labels("serv‸")).toEqual(["service", "my_service"]);
  expect(labels("service:c‸", ["checkout", "Cart", "search"])).toEqual(["checkout", "Cart", "search"]);
  expect(labels("a | sta‸")).toEqual(["stats"]);
  expect(labels("a | stats count() by (_t‸")).toEqual(["_time:1m", "_time:5m", "_time:1h", "_time:1d"]);
  expect(labels("a | fields _t‸")).toEqual([]);
  expect(labels("a | ‸").length).toBe(COMPLETIONS_MAX);
});

function chosen(marked: string, label: string, values: readonly string[] = []): string {
  const caret = marked.indexOf("‸");
  const query = marked.replace("‸", "");
  const spot = spotAt(query, caret);
  const entry = spot && completions(spot, FIELDS, values).find((candidate) => candidate.label === label);
  if (!spot || !entry) {
    return "nothing";
  }
  const done = complete(query, caret, spot, entry);
  return `${done.query.slice(0, done.caret)}‸${done.query.slice(done.caret)}`;
}

test("a completion is written as the language needs it", () => {
  expect(chosen("x serv‸", "service")).toBe("x service:‸");
  expect(chosen("-serv‸", "service")).toBe("-service:‸");
  expect(chosen("took‸", "took ms")).toBe("took\\ ms:‸");
  expect(chosen("service:ch‸ b", "check out", ["check out"])).toBe('service:"check out"‸ b');
  expect(chosen('service:"che‸', "checkout", ["checkout"])).toBe("service:checkout ‸");
  expect(chosen("a | st‸", "stats")).toBe("a | stats ‸");
  expect(chosen("a | stats co‸", "count_uniq")).toBe("a | stats count_uniq(‸");
  expect(chosen("a | stats count() by (to‸)", "took ms")).toBe('a | stats count() by ("took ms"‸)');
});

test("no place in any text is a mistake", () => {
  for (const text of ['a:"b\\" | c', "((((", "\\", '"\\', "| | |", "é:ü | stats avg(", "a:b:c"]) {
    for (let caret = 0; caret <= text.length; caret += 1) {
      const spot = spotAt(text, caret);
      expect(spot === null || (spot.start >= 0 && spot.start <= caret), `${text} at ${caret}`).toBe(true);
    }
  }
});
