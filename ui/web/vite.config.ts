/// <reference types="vitest/config" />
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses, so that the page also works below a path of a reverse proxy.
  base: "./",
  plugins: [preact()],
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    // No data: addresses: the content security policy refuses them.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { "/api": "http://127.0.0.1:9090", "/-": "http://127.0.0.1:9090" } },
  test: {
    include: ["src/**/*.test.{ts,tsx}"],
    // A document takes long to draw in jsdom on a busy machine.
    testTimeout: 30_000,
    // Left outside, it would take React's hooks for Preact's.
    server: { deps: { inline: [/@tanstack/] } },
  },
});
