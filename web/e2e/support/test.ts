// What every test here starts from: a server with empty data, and pages on it.
import { test as base, expect, type BrowserContext, type Locator, type Page } from "@playwright/test";
import { Network } from "./network.js";
import { Server } from "./server.mjs";

export { expect };

interface OpenOptions {
  /** A tab of the same browser, with the same storage; otherwise nothing is shared but the server. */
  readonly beside?: Page;
  /** How the page reaches the server, where that is not directly. */
  readonly through?: Network;
}

interface Fixtures {
  readonly server: Server;
  readonly network: Network;
  readonly open: (path: string, options?: OpenOptions) => Promise<Page>;
}

export const test = base.extend<Fixtures>({
  server: async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.remove();
  },
  network: async ({ server }, use) => {
    const network = await Network.start(server);
    await use(network);
    network.close();
  },
  open: async ({ browser, server }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (path, { beside, through } = {}) => {
      const context = beside?.context() ?? (await browser.newContext({ viewport: { width: 1120, height: 840 }, reducedMotion: "reduce" }));
      contexts.push(context);
      const page = await context.newPage();
      await page.goto((through ?? server).url + path);
      await expectConnection(page, "open");
      return page;
    });
    for (const context of new Set(contexts)) await context.close();
  },
});

/** Waits until the page says so. */
export async function expectConnection(page: Page, status: "open" | "reconnecting" | "closed"): Promise<void> {
  await expect(page.locator("[data-connection]")).toHaveAttribute("data-connection", status);
}

/** Waits until the page says that so many edits are not saved yet. */
export async function expectUnsaved(page: Page, count: number): Promise<void> {
  await expect(page.locator("[data-unsaved]")).toHaveAttribute("data-unsaved", String(count));
}

/** One parcel of the gift list. */
export function gift(page: Page, title: string): Locator {
  return page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: title, exact: true }) });
}

export async function reserve(page: Page, title: string): Promise<void> {
  await gift(page, title).getByRole("button", { name: "Reserve" }).click();
}

export async function addGift(page: Page, title: string): Promise<void> {
  await page.getByRole("button", { name: "Add a gift" }).click();
  await page.getByLabel("What should it be?").fill(title);
  await page.getByRole("button", { name: "Add to the list" }).click();
}

export async function say(page: Page, name: string, text: string): Promise<void> {
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

/** What was said, from the top of the page to its end. */
export function said(page: Page): Locator {
  return page.locator(".said");
}

/** The faces of those who are here, oneself first. */
export function people(page: Page): Locator {
  return page.locator(".person-name");
}
