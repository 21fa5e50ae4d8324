// The pages by keyboard, on a narrow phone, and with React's StrictMode doing what it does while developing.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { Server } from "../support/server.mjs";
import { addGift, expect, expectConnection, gift, said, say, test } from "../support/test.js";

const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".slice(0, 80);

test("a gift is reserved by keyboard alone", async ({ open }) => {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  const reserve = gift(ada, "Stunt kite").getByRole("button", { name: "Reserve" });
  for (let stops = 0; stops < 40 && !(await reserve.evaluate((button) => button === document.activeElement)); stops++) {
    await ada.keyboard.press("Tab");
  }
  await expect(reserve).toBeFocused();
  await expect(reserve).toHaveCSS("outline-style", "solid");
  await ada.keyboard.press("Enter");
  await expect(gift(bruno, "Stunt kite")).toContainText("Reserved by Ada");
});

test("a gift is added by keyboard alone, and a dialog gives the focus back", async ({ open }) => {
  const page = await open("/");
  const button = page.getByRole("button", { name: "Add a gift" });
  await button.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("dialog", { name: "Add a gift" })).toBeVisible();
  await expect(page.getByLabel("What should it be?")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await expect(button).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.type("A cat");
  await page.keyboard.press("Enter");
  await expect(gift(page, "A cat")).toBeVisible();
  await expect(button).toBeFocused();
});

for (const path of ["/", "/chat.html"]) {
  test(`${path} fits a phone of 320 pixels without scrolling sideways`, async ({ open, server }) => {
    const page = await open(path);
    await page.setViewportSize({ width: 320, height: 640 });
    if (path === "/") {
      await addGift(page, LONG);
      await expect(gift(page, LONG)).toBeVisible();
    } else {
      await say(page, LONG.slice(0, 40), LONG + LONG);
      await expect(said(page)).toHaveText([LONG + LONG]);
    }
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await width()).toBeLessThanOrEqual(320);
    await server.kill();
    await expectConnection(page, "reconnecting");
    expect(await width()).toBeLessThanOrEqual(320);
  });
}

test("a dialog fits a phone of 320 pixels", async ({ open }) => {
  const page = await open("/");
  await page.setViewportSize({ width: 320, height: 568 });
  await page.getByRole("button", { name: "Add a book" }).click();
  const box = await page.getByRole("dialog").boundingBox();
  expect(box!.x).toBeGreaterThanOrEqual(0);
  expect(box!.x + box!.width).toBeLessThanOrEqual(320);
  expect(box!.height).toBeLessThanOrEqual(568);
});

test("the second window is another person in the same room", async ({ open }) => {
  const ada = await open("/?as=ada&room=party");
  const [bruno] = await Promise.all([ada.waitForEvent("popup"), ada.getByRole("link", { name: "Open a second window" }).click()]);
  await expectConnection(bruno, "open");
  await expect(bruno.getByLabel("You are")).toHaveValue("bruno");
  await gift(bruno, "Stunt kite").getByRole("button", { name: "Reserve" }).click();
  await expect(gift(ada, "Stunt kite")).toContainText("Reserved by Bruno");
});

test("StrictMode makes one connection, and one edit is one message", async ({ browser }) => {
  // Only React's development build mounts everything twice.
  const web = await mkdtemp(join(tmpdir(), "patchcast-strict-"));
  const demo = fileURLToPath(new URL("../../demo/", import.meta.url));
  const environment = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "development";
  await build({ root: demo, mode: "development", logLevel: "error", build: { outDir: web, emptyOutDir: true, minify: false } });
  process.env["NODE_ENV"] = environment;
  const scripts = (await readdir(join(web, "assets"))).filter((name) => name.endsWith(".js"));
  const code = await Promise.all(scripts.map((name) => readFile(join(web, "assets", name), "utf8")));
  expect(code.join("")).toContain("react-dom-client.development");

  const server = await Server.start(web);
  const page = await browser.newPage();
  const sockets: string[] = [];
  const sent: unknown[] = [];
  page.on("websocket", (socket) => {
    sockets.push(socket.url());
    socket.on("framesent", ({ payload }) => sent.push(JSON.parse(payload.toString())));
  });
  await page.goto(`${server.url}/?as=ada`);
  await expectConnection(page, "open");
  await gift(page, "Stunt kite").getByRole("button", { name: "Reserve" }).click();
  await expect(gift(page, "Stunt kite").getByRole("button", { name: "Unreserve" })).toBeVisible();
  const other = await browser.newPage();
  await other.goto(`${server.url}/?as=bruno`);
  await expect(gift(other, "Stunt kite")).toContainText("Reserved by Ada");
  expect(sockets).toEqual([server.socketUrl("gifts/lobby")]);
  expect(sent).toMatchObject([{ type: "hello" }, { type: "op", data: [{ op: "replace", path: ["gifts", "kite", "reservedBy"], value: "ada" }] }]);
  await Promise.all([page.close(), other.close()]);
  await server.remove();
  await rm(web, { recursive: true });
});
