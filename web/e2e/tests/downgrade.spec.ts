// A server that only speaks the Immer lesson's plain dialect still serves the gift list, and the page says so.
import { expect, expectConnection, gift, reserve, test as base } from "../support/test.js";
import { LessonServer, type Subprotocols } from "../support/lesson-server.js";
import type { Page } from "@playwright/test";

const KITE = "Stunt kite";
const TELESCOPE = "Telescope for the balcony";

for (const subprotocols of ["first", "none"] as Subprotocols[]) {
  const test = base.extend<{ lesson: LessonServer; visit: (user: string) => Promise<Page> }>({
    lesson: async ({}, use) => {
      const lesson = await LessonServer.start(subprotocols);
      await use(lesson);
      lesson.close();
    },
    visit: async ({ browser, lesson }, use) => {
      const pages: Page[] = [];
      await use(async (user) => {
        const page = await browser.newPage({ reducedMotion: "reduce" });
        pages.push(page);
        await page.goto(`${lesson.url}/?as=${user}`);
        await expectConnection(page, "open");
        await expect(page.locator("[data-protocol]")).toHaveAttribute("data-protocol", "patches");
        return page;
      });
      for (const page of pages) await page.close();
    },
  });

  test.describe(`a lesson's server that takes of offered subprotocols ${subprotocols}`, () => {
    test("hears nothing but patches, and pages share their edits", async ({ lesson, visit }) => {
      const [ada, bruno] = [await visit("ada"), await visit("bruno")];
      await expect(ada.getByText("This server does not speak sessions")).toBeVisible();
      await reserve(ada, KITE);
      await expect(gift(bruno, KITE)).toContainText("Reserved by Ada");
      await reserve(bruno, TELESCOPE);
      for (const page of [ada, await visit("chiyo")]) await expect(gift(page, TELESCOPE)).toContainText("Reserved by Bruno");
      expect(lesson.received.map((text) => JSON.parse(text))).toEqual([
        [{ op: "replace", path: ["gifts", "kite", "reservedBy"], value: "ada" }],
        [{ op: "replace", path: ["gifts", "telescope", "reservedBy"], value: "bruno" }],
      ]);
    });

    test("shows the same after a reconnect, with nothing twice", async ({ lesson, visit }) => {
      const [ada, bruno] = [await visit("ada"), await visit("bruno")];
      await reserve(ada, KITE);
      await expect(gift(bruno, KITE)).toContainText("Reserved by Ada");
      lesson.goDown();
      for (const page of [ada, bruno]) await expectConnection(page, "reconnecting");
      await reserve(ada, TELESCOPE);
      lesson.comeBack();
      for (const page of [ada, bruno]) await expectConnection(page, "open");
      await expect(gift(bruno, TELESCOPE)).toContainText("Reserved by Ada");
      for (const page of [ada, bruno, await visit("chiyo")]) await expect(page.locator('[data-reserved="true"]')).toHaveCount(2);
      expect(lesson.received).toHaveLength(2);
    });
  });
}
