// A search field over a list of names, of which only those on screen are in the document. The arrows move, Enter takes.

import { useVirtualizer } from "@tanstack/react-virtual";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

/** A row of two lines; pixels. */
const ROW = 44;
/** Rows before the end at which more are wanted. */
const AHEAD = 40;

interface Props<Item> {
  readonly label: string;
  readonly placeholder: string;
  readonly words: string;
  readonly items: readonly Item[];
  /** The key of the item that is shown in full. */
  readonly chosen: string | null;
  readonly busy: boolean;
  readonly stale: boolean;
  /** The field takes the focus when it appears. */
  readonly focus: boolean;
  /** Below the list: how much there is. */
  readonly foot: ComponentChildren;
  keyOf(item: Item): string;
  row(item: Item): ComponentChildren;
  onWords(words: string): void;
  onChoose(item: Item): void;
  /** Enter with Ctrl or Shift, or a double click. */
  onTake(item: Item): void;
  onEnd(): void;
}

export function NameList<Item>(props: Props<Item>) {
  const { items, chosen, label } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const [active, setActive] = useState(0);
  const virtual = useVirtualizer({ count: items.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 8 });
  const rows = virtual.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  const current = Math.min(active, items.length - 1);
  // A row that is not drawn cannot be named.
  const drawn = rows.some((row) => row.index === current);

  useEffect(() => {
    setActive(0);
    scroller.current?.scrollTo({ top: 0 });
  }, [props.words]);
  useEffect(() => {
    if (items.length > 0 && last >= items.length - AHEAD) {
      props.onEnd();
    }
  }, [last, items.length]);
  useEffect(() => {
    if (props.focus) {
      input.current?.focus();
    }
  }, []);

  const go = (to: number) => {
    const index = Math.max(0, Math.min(items.length - 1, to));
    setActive(index);
    virtual.scrollToIndex(index, { align: "auto" });
  };
  const page = () => Math.max(1, Math.floor((scroller.current?.clientHeight ?? ROW) / ROW) - 1);
  const press = (event: KeyboardEvent) => {
    const moves: Readonly<Record<string, () => number>> = {
      ArrowDown: () => current + 1,
      ArrowUp: () => current - 1,
      PageDown: () => current + page(),
      PageUp: () => current - page(),
    };
    const move = moves[event.key];
    const item = items[current];
    if (move) {
      event.preventDefault();
      go(move());
    } else if (event.key === "Enter" && item !== undefined && !event.isComposing) {
      event.preventDefault();
      (event.ctrlKey || event.metaKey || event.shiftKey ? props.onTake : props.onChoose)(item);
    }
  };
  return (
    <div class="name-list">
      <input
        ref={input}
        class="input"
        type="text"
        role="combobox"
        aria-expanded={items.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={drawn && items.length > 0 ? `${id}-${current}` : undefined}
        aria-label={label}
        placeholder={props.placeholder}
        autocomplete="off"
        spellcheck={false}
        value={props.words}
        onInput={(event) => props.onWords(event.currentTarget.value)}
        onKeyDown={press}
      />
      <div ref={scroller} class={`names${props.stale ? " stale" : ""}`} id={id} role="listbox" aria-label={label} aria-busy={props.busy} tabIndex={-1}>
        <div class="space" role="presentation" style={{ height: `${virtual.getTotalSize()}px` }}>
          {rows.map(({ index, start }) => {
            const item = items[index];
            if (item === undefined) {
              return null;
            }
            const key = props.keyOf(item);
            return (
              <div
                key={key}
                id={`${id}-${index}`}
                class={`name-row${index === current ? " active" : ""}`}
                role="option"
                aria-selected={key === chosen}
                aria-setsize={items.length}
                aria-posinset={index + 1}
                style={{ transform: `translateY(${start}px)`, height: `${ROW}px` }}
                onClick={() => {
                  setActive(index);
                  props.onChoose(item);
                }}
                onDblClick={() => props.onTake(item)}
              >
                {props.row(item)}
              </div>
            );
          })}
        </div>
      </div>
      <p class="foot quiet" role="status">
        {props.foot}
      </p>
    </div>
  );
}
