import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "preact";
import { applyTheme } from "./app/preferences";
import { createQueryClient } from "./app/queries";
import { Shell } from "./app/shell";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/palette.css";
import "./styles/fields.css";
import "./styles/histogram.css";
import "./styles/logs.css";
import "./styles/query.css";
import "./styles/panels.css";
import "./styles/result.css";
import "./styles/metrics.css";
import "./styles/metric-browser.css";
import "./styles/answers.css";
import "./styles/lists.css";
import "./styles/containers.css";
import "./styles/storage.css";

const root = document.getElementById("app");
if (root) {
  applyTheme();
  render(
    <QueryClientProvider client={createQueryClient()}>
      <Shell />
    </QueryClientProvider>,
    root,
  );
}
