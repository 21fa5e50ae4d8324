// Which tests run where.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      { test: { name: "react", root: "packages/react", environment: "jsdom" } },
      { test: { name: "demo", root: "demo", include: ["test/**/*.test.ts"], environment: "node" } },
      { test: { name: "contract", root: "contract", environment: "node" } },
    ],
  },
});
