// Puts text on the clipboard and says so where the click was.

import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icon";

/** How long the button says that it copied, in milliseconds. */
const SAID_MS = 1_500;

export function CopyButton({ text, label, children }: { readonly text: () => string; readonly label: string; readonly children?: string }) {
  const [said, setSaid] = useState<"" | "Copied" | "Not allowed">("");
  useEffect(() => {
    const timer = said === "" ? undefined : setTimeout(() => setSaid(""), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () => {
    copyText(text()).then(
      () => setSaid("Copied"),
      () => setSaid("Not allowed"),
    );
  };
  return (
    <button type="button" class="button quiet small" aria-label={children === undefined ? label : undefined} title={label} onClick={copy}>
      <Icon name="copy" />
      {said !== "" ? <span role="status">{said}</span> : children !== undefined && <span>{children}</span>}
    </button>
  );
}

/** Browsers give the clipboard to secure pages only; a selection works on plain HTTP too. */
async function copyText(text: string): Promise<void> {
  if (window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "hidden-text";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) {
    throw new Error("the browser refused to copy");
  }
}
