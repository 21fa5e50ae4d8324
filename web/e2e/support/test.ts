// What every test here starts from: a server with empty data, and pages on it.
import { test as base, expect, type Locator, type Page } from "@playwright/test";
import { Server } from "./server.mjs";

export { expect };

interface Fixtures {
  readonly server: Server;
  /** A page in a tab of its own, with nothing shared with the others but the server. */
  readonly open: (path: string) => Promise<Page>;
}

export const test = base.extend<Fixtures>({
  server: async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.remove();
  },
  open: async ({ browser, server }, use) => {
    const contexts: Array<{ close(): Promise<void> }> = [];
    await use(async (path) => {
      const context = await browser.newContext({ viewport: { width: 1120, height: 840 }, reducedMotion: "reduce" });
      contexts.push(context);
      const page = await context.newPage();
      await page.goto(server.url + path);
      await expectConnection(page, "open");
      return page;
    });
    for (const context of contexts) await context.close();
  },
});

/** Waits until the page says so. */
export async function expectConnection(page: Page, status: "open" | "reconnecting" | "closed"): Promise<void> {
  await expect(page.locator("[data-connection]")).toHaveAttribute("data-connection", status);
}

/** One parcel of the gift list. */
export function gift(page: Page, title: string): Locator {
  return page.getByRole("listitem").filter({ has: page.getByRole("heading", { name: title, exact: true }) });
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
