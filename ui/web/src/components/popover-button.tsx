// A button that opens a small panel under it. The browser closes it on Escape and on a press elsewhere.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon";

interface Props {
  readonly label: string;
  readonly icon: IconName;
  /** What the panel holds; drawn only while it is open. */
  panel(close: () => void): ComponentChildren;
}

export function PopoverButton({ label, icon, panel }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  // After drawing, for only then has the panel its size.
  useLayoutEffect(() => {
    const anchor = button.current?.getBoundingClientRect();
    if (open && anchor && box.current) {
      box.current.style.top = `${anchor.bottom + 4}px`;
      box.current.style.left = `${Math.max(8, Math.min(anchor.right - box.current.offsetWidth, innerWidth - box.current.offsetWidth - 8))}px`;
    }
  }, [open]);
  return (
    <>
      <button
        ref={button}
        type="button"
        class="button quiet small"
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={label}
        title={label}
        onClick={() => box.current?.togglePopover()}
      >
        <Icon name={icon} />
        <span class="word">{label}</span>
      </button>
      <div ref={box} popover="auto" role="dialog" aria-label={label} onToggle={(event) => setOpen(event.newState === "open")}>
        {open && panel(() => box.current?.hidePopover())}
      </div>
    </>
  );
}
