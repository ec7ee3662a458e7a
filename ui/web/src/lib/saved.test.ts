import { expect, test } from "vitest";
import { NAME, expand, nameFor, parameterNames, parametersFor, rangeOf, savedRange, valuesFor } from "./saved";

test("parameters stand outside quotes", () => {
  expect(parameterNames('service:$service AND NOT "cost $5 $x" $service \\$no | stats by ($by_2)')).toEqual(["service", "by_2"]);
  expect(parameterNames("$ $1 a$b")).toEqual(["b"]);
  expect(parameterNames("m:/x$a|b/ OR path:/$c $d")).toEqual(["c", "d"]);
});

test("values are put in as literals that cannot become more than a value", () => {
  expect(expand("service:$s", { s: "checkout" })).toBe('service:"checkout"');
  expect(expand("service:$s", { s: 'x" OR level:"3' })).toBe('service:"x\\" OR level:\\"3"');
  expect(expand("service:$s", { s: "a\\" })).toBe('service:"a\\\\"');
  expect(expand('"$s" $t $s', { s: "$t" })).toBe('"$s" $t "$t"');
});

test("defaults stand in for what is not given", () => {
  expect(valuesFor([{ name: "a", default: "1" }, { name: "b" }, { name: "c", default: null }], { b: "2", d: "3" })).toEqual({ a: "1", b: "2", c: "" });
});

test("an edited query keeps what is known of its parameters", () => {
  expect(parametersFor("$b $c", [{ name: "a" }, { name: "b", default: "x", description: "y" }])).toEqual([{ name: "b", default: "x", description: "y" }, { name: "c", default: "", description: "" }]);
});

test("ranges are lengths of time", () => {
  expect(rangeOf({ range: "1h" })).toEqual({ from: "now-1h", to: "now" });
  expect([rangeOf({}), rangeOf({ range: null }), rangeOf({ range: "x" })]).toEqual([null, null, null]);
  expect(savedRange({ from: "now-7d", to: "now" })).toBe("7d");
  expect(savedRange({ from: "now/d", to: "now" })).toBe(undefined);
  expect(savedRange({ from: "now-7d", to: "now-1d" })).toBe(undefined);
});

test("names stand in addresses", () => {
  expect(nameFor(" Errors, by Service! ")).toBe("errors-by-service");
  expect(["a", "errors-by-service", "", "-a", "a b", "é"].map((name) => NAME.test(name))).toEqual([true, true, false, false, false, false]);
});
