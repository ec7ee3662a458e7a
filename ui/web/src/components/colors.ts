// Custom properties as colours that a canvas understands.

/** Reads tokens such as `--ember` in the theme that is in force at `host`. */
export function readColors<Name extends string>(host: Element, names: readonly Name[]): Readonly<Record<Name, string>> {
  const probe = document.createElement("span");
  host.append(probe);
  const style = getComputedStyle(probe);
  const colors = {} as Record<Name, string>;
  for (const name of names) {
    probe.style.color = `var(${name})`;
    colors[name] = style.color;
  }
  probe.remove();
  return colors;
}

/** Calls back when the theme changes: by the reader's choice or the system's. */
export function onThemeChange(callback: () => void): () => void {
  const observer = new MutationObserver(callback);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", callback);
  };
}
