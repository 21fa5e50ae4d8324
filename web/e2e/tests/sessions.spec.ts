// Nothing is lost and nothing doubled, whatever happens to servers, networks and tabs. The room itself is asked what it
// holds, since a page could hide that it sent an edit twice.
import type { Page } from "@playwright/test";
import { readRoom } from "../support/raw-session.js";
import { addGift, expect, expectConnection, expectUnsaved, gift, reserve, said, say, test } from "../support/test.js";

const KITE = "Stunt kite";
const TELESCOPE = "Telescope for the balcony";
const BANJO = "A banjo, any colour";

// The whole time that the network is away takes a while: PATCHCAST_E2E_FULL=1 takes it.
const FULL = process.env["PATCHCAST_E2E_FULL"] === "1";
const OFFLINE_MS = FULL ? 30_000 : 2_000;

/** The texts in the chat's room, oldest first. */
async function texts(page: Page, url: string): Promise<string[]> {
  return (await readRoom(page, url)).map(({ data }) => (data as { text: string }).text);
}

test("what is written while the server is killed again and again is in the room once, in one order for all", async ({ open, server }) => {
  const [ada, bruno] = await Promise.all([open("/chat.html"), open("/chat.html")]);
  const written: string[] = [];
  const both = async (text: string) => {
    await Promise.all([say(ada, "Ada", `Ada ${text}`), say(bruno, "Bruno", `Bruno ${text}`)]);
    written.push(`Ada ${text}`, `Bruno ${text}`);
  };
  for (let round = 1; round <= 4; round++) {
    await both(`before kill ${round}`);
    // Whether it was stored is not known yet, to nobody.
    await both(`into kill ${round}`);
    await server.kill();
    await both(`after kill ${round}`);
    await server.restart();
    await both(`after start ${round}`);
    for (const page of [ada, bruno]) await expectConnection(page, "open");
  }
  await expect(said(bruno)).toHaveCount(written.length);
  const log = await texts(ada, server.socketUrl("chat/lobby"));
  expect(log.toSorted()).toEqual(written.toSorted());
  for (const name of ["Ada", "Bruno"]) {
    const own = (list: readonly string[]) => list.filter((text) => text.startsWith(name));
    expect(own(log)).toEqual(own(written));
  }
  for (const page of [ada, bruno, await open("/chat.html")]) {
    await expect(said(page)).toHaveText(log.toReversed());
    await expect(page.locator('.messages [data-saved="false"]')).toHaveCount(0);
  }
});

test(`both sides write while one is offline for ${OFFLINE_MS / 1000} s, then both have everything once`, async ({ open, server, network }) => {
  test.setTimeout(90_000 + OFFLINE_MS);
  const ada = await open("/chat.html", { through: network });
  const bruno = await open("/chat.html");
  const written: string[] = [];
  network.cut();
  await ada.context().setOffline(true);
  await expectConnection(ada, "reconnecting");
  const pause = OFFLINE_MS / 10;
  const end = Date.now() + OFFLINE_MS;
  for (let n = 1; Date.now() < end; n++) {
    await Promise.all([say(ada, "Ada", `offline ${n}`), say(bruno, "Bruno", `online ${n}`)]);
    written.push(`offline ${n}`, `online ${n}`);
    await bruno.waitForTimeout(Math.min(pause, Math.max(0, end - Date.now())));
  }
  await expect(said(ada).first()).toHaveText(`offline ${written.length / 2}`);
  await expect(said(ada)).toHaveCount(written.length / 2);
  network.heal();
  await ada.context().setOffline(false);
  await expectConnection(ada, "open");
  for (const page of [ada, bruno]) await expect(said(page)).toHaveCount(Math.min(50, written.length));
  const log = await texts(bruno, server.socketUrl("chat/lobby"));
  expect(log.toSorted()).toEqual(written.toSorted());
  const newest = log.toReversed().slice(0, 50);
  for (const page of [ada, bruno, await open("/chat.html")]) await expect(said(page)).toHaveText(newest);
});

test("a half-open connection is noticed within 25 s, and what was written into it is in the room once", async ({ open, server, network }) => {
  test.skip(!FULL, "it takes the client's heartbeat, which no page can shorten");
  const ada = await open("/chat.html", { through: network });
  const bruno = await open("/chat.html");
  network.freeze();
  const frozen = Date.now();
  await say(ada, "Ada", "into the void");
  await say(bruno, "Bruno", "meanwhile");
  for (const page of [ada, bruno]) await expect(said(page)).toHaveText(["into the void", "meanwhile"]);
  // And at most half a second more until the next attempt.
  expect(Date.now() - frozen).toBeLessThan(27_000);
  expect(await texts(bruno, server.socketUrl("chat/lobby"))).toEqual(["meanwhile", "into the void"]);
});

test("edits made offline survive a reload and are delivered once", async ({ open, server, network }) => {
  const ada = await open("/?as=ada", { through: network });
  const bruno = await open("/?as=bruno");
  await reserve(ada, BANJO);
  await expectUnsaved(ada, 0);
  network.cut();
  await expectConnection(ada, "reconnecting");
  await reserve(ada, KITE);
  await addGift(ada, "A cat");
  await expectUnsaved(ada, 2);
  await expect(ada.getByText("2 edits not saved yet")).toBeVisible();
  await reserve(bruno, TELESCOPE);
  await ada.reload();
  // The new page knows of them before it has reached the server.
  await expectUnsaved(ada, 2);
  network.heal();
  await expectConnection(ada, "open");
  await expectUnsaved(ada, 0);
  for (const page of [ada, bruno, await open("/?as=chiyo")]) {
    await expect(gift(page, "A cat")).toHaveCount(1);
    await expect(page.locator('[data-reserved="true"]')).toHaveCount(3);
  }
  await expect(gift(bruno, KITE)).toContainText("Reserved by Ada");
  await expect(gift(ada, KITE).getByRole("button", { name: "Unreserve" })).toBeVisible();
  expect(await readRoom(bruno, server.socketUrl("gifts/lobby"))).toHaveLength(4);
});

test("edits that were on their way to a killed server survive a reload too", async ({ open, server, network }) => {
  const ada = await open("/?as=ada", { through: network });
  network.freeze();
  await reserve(ada, KITE);
  await expectUnsaved(ada, 1);
  await server.kill();
  await server.restart();
  await ada.reload();
  await expectConnection(ada, "open");
  await expectUnsaved(ada, 0);
  await expect(gift(ada, KITE).getByRole("button", { name: "Unreserve" })).toBeVisible();
  expect(await readRoom(ada, server.socketUrl("gifts/lobby"))).toHaveLength(1);
});

test("two tabs of one browser send each their own edits, and each once", async ({ open, server, network }) => {
  const first = await open("/?as=ada", { through: network });
  const second = await open("/?as=bruno", { through: network, beside: first });
  network.cut();
  for (const page of [first, second]) await expectConnection(page, "reconnecting");
  await reserve(first, KITE);
  await reserve(second, TELESCOPE);
  for (const page of [first, second]) await expectUnsaved(page, 1);
  await Promise.all([first.reload(), second.reload()]);
  network.heal();
  for (const page of [first, second]) {
    await expectConnection(page, "open");
    await expect(page.locator('[data-reserved="true"]')).toHaveCount(2);
    await expectUnsaved(page, 0);
  }
  const log = await readRoom(first, server.socketUrl("gifts/lobby"));
  expect(log.map(({ data }) => (data as Array<{ value: string }>)[0]!.value).toSorted()).toEqual(["ada", "bruno"]);
});

test("what a closed tab left unsent, the next tab of the browser sends once", async ({ open, server, network }) => {
  const first = await open("/?as=ada", { through: network });
  const second = await open("/?as=bruno", { beside: first });
  network.cut();
  await expectConnection(first, "reconnecting");
  await reserve(first, KITE);
  await expectUnsaved(first, 1);
  await first.close();
  network.heal();
  const third = await open("/?as=chiyo", { through: network, beside: second });
  await expect(gift(third, KITE)).toContainText("Reserved by Ada");
  expect(await readRoom(third, server.socketUrl("gifts/lobby"))).toHaveLength(1);
});

test("people who edit the same thing at the same time end with the same", async ({ open, network }) => {
  const ada = await open("/?as=ada", { through: network });
  const bruno = await open("/?as=bruno");
  network.cut();
  await expectConnection(ada, "reconnecting");
  await reserve(ada, KITE);
  await reserve(bruno, KITE);
  await expectUnsaved(bruno, 0);
  network.heal();
  await expectConnection(ada, "open");
  await expect(gift(bruno, KITE)).toContainText("Reserved by Ada");
  await expect(gift(ada, KITE).getByRole("button", { name: "Unreserve" })).toBeVisible();
  await expect(gift(await open("/?as=chiyo"), KITE)).toContainText("Reserved by Ada");
});

test("pages start over when the server has lost its rooms, and send what they had not sent", async ({ open, server }) => {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  await reserve(ada, BANJO);
  await expect(gift(bruno, BANJO)).toContainText("Reserved by Ada");
  await server.kill();
  for (const page of [ada, bruno]) await expectConnection(page, "reconnecting");
  await reserve(ada, KITE);
  await server.loseData();
  await server.restart();
  for (const page of [ada, bruno]) {
    await expectConnection(page, "open");
    await expectUnsaved(page, 0);
    await expect(gift(page, BANJO).getByRole("button", { name: "Reserve" })).toBeVisible();
    await expect(page.locator('[data-reserved="true"]')).toHaveCount(1);
  }
  await expect(gift(bruno, KITE)).toContainText("Reserved by Ada");
  expect(await readRoom(bruno, server.socketUrl("gifts/lobby"))).toHaveLength(1);
});
