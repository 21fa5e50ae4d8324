// The server is killed under open pages: they say so, come back by themselves, and nothing that was shown is lost.
import { addGift, expect, expectConnection, gift, test } from "../support/test.js";

const KITE = "Stunt kite";
const TELESCOPE = "Telescope for the balcony";

test("open pages recover from a killed server and show the same as before", async ({ open, server }) => {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  await addGift(ada, "A cat");
  await gift(bruno, "A cat").getByRole("button", { name: "Reserve" }).click();
  await expect(gift(ada, "A cat")).toContainText("Reserved by Bruno");

  await server.kill();
  for (const page of [ada, bruno]) {
    await expectConnection(page, "reconnecting");
    await expect(page.getByText("Offline.")).toBeVisible();
  }
  await server.restart();
  for (const page of [ada, bruno]) {
    await expectConnection(page, "open");
    await expect(page.getByText("Offline.")).toHaveCount(0);
  }
  for (const page of [ada, await open("/?as=chiyo")]) await expect(gift(page, "A cat")).toContainText("Reserved by Bruno");
  await expect(gift(bruno, "A cat").getByRole("button", { name: "Unreserve" })).toBeVisible();

  await gift(ada, KITE).getByRole("button", { name: "Reserve" }).click();
  await expect(gift(bruno, KITE)).toContainText("Reserved by Ada");
});

test("edits made without a server are kept and reach everyone once it is back", async ({ open, server }) => {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  await server.kill();
  for (const page of [ada, bruno]) await expectConnection(page, "reconnecting");
  await gift(ada, KITE).getByRole("button", { name: "Reserve" }).click();
  await gift(bruno, TELESCOPE).getByRole("button", { name: "Reserve" }).click();
  await addGift(ada, "A cat");
  await server.restart();
  for (const page of [ada, bruno]) await expectConnection(page, "open");

  await expect(gift(bruno, KITE)).toContainText("Reserved by Ada");
  await expect(gift(ada, TELESCOPE)).toContainText("Reserved by Bruno");
  for (const page of [ada, bruno, await open("/?as=chiyo")]) {
    await expect(gift(page, "A cat")).toHaveCount(1);
    await expect(page.locator('[data-reserved="true"]')).toHaveCount(2);
  }
});

test("a page survives two crashes in a row", async ({ open, server }) => {
  const ada = await open("/?as=ada");
  const bruno = await open("/?as=bruno");
  for (const title of [KITE, TELESCOPE]) {
    await gift(ada, title).getByRole("button", { name: "Reserve" }).click();
    await expect(gift(bruno, title)).toContainText("Reserved by Ada");
    await server.kill();
    for (const page of [ada, bruno]) await expectConnection(page, "reconnecting");
    await server.restart();
    for (const page of [ada, bruno]) await expectConnection(page, "open");
  }
  for (const title of [KITE, TELESCOPE]) await expect(gift(bruno, title)).toContainText("Reserved by Ada");
});
