// Containers: how much of what each wrote is stored, the worst first. Only the rows on screen are in the document.

import { useVirtualizer } from "@tanstack/react-virtual";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Container } from "../../api/containers";
import { follow, logsHref } from "../../app/place";
import { Icon } from "../../components/icon";
import { band, clicked, containerKey, containerQuery, containerRange, ownLosses, percent, type Band, type ContainerColumn, type ContainerSort } from "../../lib/containers";
import { age, count, estimate } from "../../lib/format";
import { mostFirst, sumOf } from "../../lib/losses";
import { LossList } from "./loss-list";

/** Rows up to which all are drawn. */
const ALL_MAX = 100;
/** Rows drawn beyond the screen's edges when not all are. */
const OVERSCAN = 12;
const ROW = 28;
/** A card of a narrow screen, and an opened row, before they are measured; pixels. */
const CARD = 76;
const OPEN_GUESS = 60;

const COLUMNS: readonly { readonly column: ContainerColumn; readonly title: string; readonly about: string }[] = [
  { column: "container", title: "Container", about: "Its name, its pod's or its host's; leads to its records" },
  { column: "received", title: "Received", about: "Records that were read" },
  { column: "stored", title: "Stored", about: "Records that are safe on the disk" },
  { column: "lost", title: "Lost", about: "Records that were read and then lost" },
  { column: "estimate", title: "Lost unread", about: "An estimate: its share of what its inputs lost without knowing whose it was" },
  { column: "completeness", title: "Completeness", about: "Stored, of all that was stored or lost, the estimate included" },
  { column: "last_received", title: "Last seen", about: "Since its last record arrived" },
];
const TONES: Readonly<Record<Band, string>> = { well: "tone-ok", fair: "tone-warn square", poor: "tone-error square", unknown: "tone-quiet hollow" };

interface Props {
  /** In the order in which they are drawn. */
  readonly containers: readonly Container[];
  readonly sort: ContainerSort;
  readonly open: string | null;
  readonly narrow: boolean;
  readonly now: number;
  onSort(sort: ContainerSort): void;
  onToggle(key: string): void;
}

export function ContainerList({ containers, sort, open, narrow, now, onSort, onToggle }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const [above, setAbove] = useState(0);
  useLayoutEffect(() => {
    const scroller = list.current?.closest(".content");
    if (list.current && scroller) {
      setAbove(Math.round(list.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop));
    }
  });
  const virtual = useVirtualizer({
    count: containers.length,
    getScrollElement: () => list.current?.closest(".content") ?? null,
    estimateSize: (index) => (narrow ? CARD : ROW) + (keyAt(containers, index) === open ? OPEN_GUESS : 0),
    getItemKey: (index) => keyAt(containers, index),
    overscan: containers.length > ALL_MAX ? OVERSCAN : ALL_MAX,
    scrollMargin: above,
  });
  return (
    <div class="wide">
      <div class="containers" role="table" aria-label="Containers" aria-rowcount={containers.length + 1}>
        <div class="container-row head" role="row" aria-rowindex={1}>
          {COLUMNS.map(({ column, title, about }) => {
            const chosen = sort.column === column;
            return (
              <span key={column} class={column === "container" ? "" : "number"} role="columnheader" aria-sort={chosen ? (sort.descending ? "descending" : "ascending") : undefined}>
                <button type="button" class="sort" title={about} onClick={() => onSort(clicked(sort, column))}>
                  {title}
                  <span aria-hidden="true">{chosen ? (sort.descending ? "↓" : "↑") : ""}</span>
                </button>
              </span>
            );
          })}
        </div>
        <div ref={list} class="space" role="rowgroup" style={{ height: `${virtual.getTotalSize()}px` }}>
          {virtual.getVirtualItems().map((item) => {
            const container = containers[item.index];
            return (
              container && (
                <div key={item.key} ref={virtual.measureElement} data-index={item.index} class="slot" role="presentation" style={{ transform: `translateY(${item.start - above}px)` }}>
                  <ContainerRow container={container} index={item.index} open={open === item.key} now={now} onToggle={onToggle} />
                </div>
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface RowProps {
  readonly container: Container;
  readonly index: number;
  readonly open: boolean;
  readonly now: number;
  onToggle(key: string): void;
}

function ContainerRow({ container, index, open, now, onToggle }: RowProps) {
  const why = mostFirst(ownLosses(container));
  const lost = sumOf(container.losses);
  const range = containerRange(container, now);
  return (
    <>
      <div class="container-row" role="row" aria-rowindex={index + 2}>
        <span role="cell" class="name">
          <a href={logsHref(containerQuery(container), range?.from, range?.to)} onClick={follow} title="Its records">
            {container.container}
          </a>
          {container.host !== container.container && <small>{container.host}</small>}
        </span>
        <Figure name="received">{count(container.received)}</Figure>
        <Figure name="stored">{count(container.stored)}</Figure>
        <Figure name="lost">
          {why.length === 0 ? (
            <span class="quiet">none</span>
          ) : (
            <button type="button" class="expand" aria-expanded={open} onClick={() => onToggle(containerKey(container))} title="Why">
              <Icon name="chevron" />
              {count(lost)}
              <span class="hidden-text"> lost by {container.container}: why</span>
            </button>
          )}
        </Figure>
        <Figure name="lost unread">{estimate(container.shared_losses)}</Figure>
        <Figure name="complete">
          <span class={`state ${TONES[band(container.completeness)]}`}>{percent(container.completeness)}</span>
        </Figure>
        <Figure name="last">{age(now - container.last_received)}</Figure>
      </div>
      {open && why.length > 0 && (
        <div role="row" class="container-losses">
          <div role="cell">
            <LossList losses={why} />
          </div>
        </div>
      )}
    </>
  );
}

/** A figure with its column's name, which narrow screens show before it. */
function Figure({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <span role="cell" class="number" data-name={name}>
      {children}
    </span>
  );
}

function keyAt(containers: readonly Container[], index: number): string {
  const container = containers[index];
  return container ? containerKey(container) : String(index);
}
