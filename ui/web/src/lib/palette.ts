// What the palette offers for some words, the best first.

export type OfferKind = "page" | "action" | "saved" | "metric" | "search";

export interface Offer {
  readonly kind: OfferKind;
  /** Unique among the offers of its kind. */
  readonly name: string;
  /** What it is, in a few words; searched too. */
  readonly about: string;
}

/** Kinds in the order in which they stand, with what they are called and how many are shown at most. */
export const KINDS: readonly { readonly kind: OfferKind; readonly title: string; readonly most: number }[] = [
  { kind: "page", title: "Pages", most: 8 },
  { kind: "saved", title: "Saved searches", most: 8 },
  { kind: "metric", title: "Metrics", most: 12 },
  { kind: "action", title: "Settings", most: 6 },
  { kind: "search", title: "Logs", most: 1 },
];

/**
 * The offers that hold all words, by kind and in each kind the likest first: a name that is the words, that begins
 * with them, that has a word that begins so, that holds them, and last those that only tell of them.
 */
export function offersFor<T extends Offer>(offers: readonly T[], words: string): readonly T[] {
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const whole = wanted.join(" ");
  return KINDS.flatMap(({ kind, most }) =>
    offers
      .filter((offer) => offer.kind === kind && (kind === "search" ? wanted.length > 0 : wanted.every((word) => `${offer.name} ${offer.about}`.toLowerCase().includes(word))))
      .map((offer, index) => ({ offer, index, distance: distance(offer.name.toLowerCase(), whole) }))
      .sort((a, b) => a.distance - b.distance || a.index - b.index)
      .slice(0, most)
      .map(({ offer }) => offer),
  );
}

function distance(name: string, words: string): number {
  const at = name.indexOf(words);
  if (at < 0) {
    return 4;
  }
  return name === words ? 0 : at === 0 ? 1 : /[\p{L}\p{N}]/u.test(name[at - 1] ?? "") ? 3 : 2;
}
