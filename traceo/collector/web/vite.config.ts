import { defineConfig } from "vitest/config";

// The collector that `npm run dev` talks to; the fixture server listens there too.
const api = "http://127.0.0.1:4318";

export default defineConfig({
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The page's policy is default-src 'self': a data: address would be refused.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { host: "127.0.0.1", proxy: { "/api": api } },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
