// The list of shortcuts, on `?`.

import type { RefObject } from "preact";
import { Icon } from "../components/icon";
import { SHORTCUTS } from "../lib/keys";

export function HelpDialog({ dialog, version }: { readonly dialog: RefObject<HTMLDialogElement | null>; readonly version: string | undefined }) {
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" closedby="any">
      <header>
        <h1 id="help-title">Shortcuts</h1>
        <button type="button" class="button quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <div class="groups">
        {SHORTCUTS.map((group) => (
          <section key={group.title}>
            <h2>{group.title}</h2>
            <dl>
              {group.keys.map(([keys, does]) => (
                <>
                  <dt key={keys}>
                    {keys.split(" ").map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </>
              ))}
            </dl>
          </section>
        ))}
      </div>
      {version !== undefined && <p class="version">Watchfire {version}</p>}
    </dialog>
  );
}
