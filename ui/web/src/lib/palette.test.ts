import { expect, test } from "vitest";
import { KINDS, offersFor, type Offer, type OfferKind } from "./palette";

const offer = (kind: OfferKind, name: string, about = ""): Offer => ({ kind, name, about });
const names = (offers: readonly Offer[], words: string) => offersFor(offers, words).map(({ name }) => name);

test("the likest name first, those that only tell of it last", () => {
  const offers = [offer("metric", "other", "about load"), offer("metric", "upload"), offer("metric", "node_load"), offer("metric", "load_1"), offer("metric", "load"), offer("metric", "x")];
  expect(names(offers, " LOAD ")).toEqual(["load", "load_1", "node_load", "upload", "other"]);
});

test("kinds keep their order, every word has to be there", () => {
  const offers = [offer("metric", "storage_bytes"), offer("page", "Storage", "disk and blocks"), offer("saved", "storage errors"), offer("search", "Search the logs")];
  expect(names(offers, "storage")).toEqual(["Storage", "storage errors", "storage_bytes", "Search the logs"]);
  expect(names(offers, "blocks storage")).toEqual(["Storage", "Search the logs"]);
  expect(names(offers, "")).toEqual(["Storage", "storage errors", "storage_bytes"]);
});

test("of each kind so many at most", () => {
  const many = Array.from({ length: 40 }, (_, index) => offer("metric", `m${index}`));
  expect(names(many, "m").length).toBe(KINDS.find(({ kind }) => kind === "metric")?.most);
});
