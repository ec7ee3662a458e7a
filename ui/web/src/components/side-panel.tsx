// A panel beside the content, over it where the screen is narrow. Escape in it closes it, the focus goes back where it was.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icon";

interface Props {
  readonly title: string;
  readonly children: ComponentChildren;
  onClose(): void;
}

export function SidePanel({ title, children, onClose }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  const section = useRef<HTMLElement>(null);
  // Taken before what is inside may take the focus itself.
  const opener = useRef(document.activeElement);
  useEffect(() => {
    const before = opener.current;
    if (!section.current?.contains(document.activeElement)) {
      heading.current?.focus();
    }
    return () => {
      if (before instanceof HTMLElement && before.isConnected) {
        before.focus();
      }
    };
  }, []);
  return (
    <section
      ref={section}
      class="side-panel"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) {
          event.preventDefault();
          onClose();
        }
      }}
    >
      <header>
        <h2 ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <button type="button" class="button quiet small" aria-label={`Close: ${title}`} title="Close (Esc)" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </section>
  );
}
