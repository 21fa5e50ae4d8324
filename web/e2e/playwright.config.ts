// One test at a time, in the Chromium of the system, each with a server of its own.
import { defineConfig } from "@playwright/test";
import { launchOptions } from "./support/browser.mjs";

export default defineConfig({
  testDir: "tests",
  workers: 1,
  forbidOnly: process.env["CI"] !== undefined,
  reporter: "list",
  timeout: 90_000,
  // A page that lost its server tries again after a random wait that doubles each time: this is several of them.
  expect: { timeout: 30_000 },
  use: { launchOptions, viewport: { width: 1120, height: 840 }, reducedMotion: "reduce" },
});
