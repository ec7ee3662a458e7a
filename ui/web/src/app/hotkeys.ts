// One listener for all shortcuts; components add theirs while they are on screen.

import { useEffect, useRef } from "preact/hooks";
import { KeyReader } from "../lib/keys";

type Actions = Readonly<Record<string, () => void>>;

const active = new Set<{ readonly current: Actions }>();
const reader = new KeyReader();

/** Adds shortcuts while the component is mounted; the newest component wins a shared key. */
export function useHotkeys(actions: Actions): void {
  const holder = useRef(actions);
  holder.current = actions;
  useEffect(() => {
    active.add(holder);
    if (active.size === 1) {
      document.addEventListener("keydown", listen);
    }
    return () => {
      active.delete(holder);
      if (active.size === 0) {
        document.removeEventListener("keydown", listen);
      }
    };
  }, []);
}

function listen(event: KeyboardEvent): void {
  if (event.defaultPrevented) {
    return;
  }
  const target = event.composedPath()[0];
  const typing = target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName));
  if (event.key === "Escape" && typing) {
    target.blur();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) {
    return;
  }
  // Enter is the button's or link's that has the focus.
  if (event.key === "Enter" && target instanceof Element && target.closest("a, button, summary, [role=button]") !== null) {
    return;
  }
  const layers = [...active].reverse().map((holder) => holder.current);
  const known = new Set(layers.flatMap((actions) => Object.keys(actions)));
  const name = reader.press(event.key, event.timeStamp, known);
  const action = name === null ? undefined : layers.find((actions) => name in actions)?.[name];
  if (action) {
    event.preventDefault();
    action();
  }
}
