// The lessons' own kind of client, which knows nothing of Patchcast, in both dialects: from another origin, with a
// bare WebSocket, in the default rooms.
import { test as base, expect, type Page } from "@playwright/test";
import { Server } from "../support/server.mjs";
import { serveLessons } from "../support/static-server.js";

interface Frames {
  readonly sent: string[];
  readonly received: string[];
}

const test = base.extend<{ server: Server; lesson: (page: "gift" | "chat", query?: string) => Promise<{ page: Page; frames: Frames }> }>({
  server: async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.remove();
  },
  lesson: async ({ context, server }, use) => {
    const lessons = await serveLessons();
    await use(async (name, query = "") => {
      const page = await context.newPage();
      const frames: Frames = { sent: [], received: [] };
      page.on("websocket", (socket) => {
        socket.on("framesent", ({ payload }) => frames.sent.push(payload.toString()));
        socket.on("framereceived", ({ payload }) => frames.received.push(payload.toString()));
      });
      await page.goto(`${lessons.url}/${name}-lesson.html?server=${encodeURIComponent(server.socketUrl(""))}&${query}`);
      // Both dialects answer a join with one message, empty or not.
      await expect.poll(() => frames.received.length).toBe(1);
      return { page, frames };
    });
    lessons.close();
  },
});

const gifts = (page: Page) => page.locator("#gifts li");
const messages = (page: Page) => page.locator("#list li");

test("gift lesson: edits reach the others byte for byte and not their sender", async ({ lesson }) => {
  const ada = await lesson("gift", "me=ada");
  const bruno = await lesson("gift", "me=bruno");
  expect(ada.frames.received).toEqual(["[]"]);

  await gifts(ada.page).nth(0).click();
  await expect(gifts(bruno.page)).toHaveText(["Socks: ada", "Scarf: carol"]);
  // Back to undefined: JSON leaves the value out, and it has to stay out.
  await gifts(ada.page).nth(0).click();
  await expect(gifts(bruno.page)).toHaveText(["Socks: free", "Scarf: carol"]);
  expect(ada.frames.sent[1]).toBe('[{"op":"replace","path":["gifts",0,"reservedBy"]}]');
  expect(bruno.frames.received.slice(1)).toEqual(ada.frames.sent);
  expect(ada.frames.received).toHaveLength(1);
});

test("gift lesson: a late joiner gets the whole history in one message, undo and reset included", async ({ lesson }) => {
  const ada = await lesson("gift", "me=ada");
  const bruno = await lesson("gift", "me=bruno");
  await ada.page.click("#add");
  await expect(gifts(bruno.page)).toHaveCount(3);
  await gifts(bruno.page).nth(2).click();
  await expect(gifts(ada.page).nth(2)).toHaveText("Gift of ada: bruno");
  await bruno.page.click("#undo");
  await expect(gifts(ada.page).nth(2)).toHaveText("Gift of ada: free");
  await ada.page.click("#reset");
  await expect(gifts(bruno.page)).toHaveText(["Socks: free", "Scarf: carol"]);
  await ada.page.click("#undo");
  await expect(gifts(bruno.page)).toHaveText(["Socks: free", "Scarf: carol", "Gift of ada: free"]);

  const late = await lesson("gift", "me=chiyo");
  await expect(gifts(late.page)).toHaveText(["Socks: free", "Scarf: carol", "Gift of ada: free"]);
  expect(late.frames.received).toHaveLength(1);
  expect(JSON.parse(late.frames.received[0]!)).toHaveLength(5);
});

test("gift lesson: a page that left is forgotten, and the others go on", async ({ lesson }) => {
  const [ada, bruno, chiyo] = [await lesson("gift", "me=ada"), await lesson("gift", "me=bruno"), await lesson("gift", "me=chiyo")];
  await bruno.page.close();
  await gifts(ada.page).nth(0).click();
  await expect(gifts(chiyo.page)).toHaveText(["Socks: ada", "Scarf: carol"]);
});

test("chat lesson: everyone, the sender too, gets the newest fifty, newest first, with the server's time", async ({ lesson }) => {
  const ada = await lesson("chat");
  const bruno = await lesson("chat");
  const before = Date.now();
  await expect(ada.page.locator("#light")).toHaveText("🟢");
  expect(ada.frames.received).toEqual(['{"msg":[]}']);
  await ada.page.getByLabel("user").fill("Ada");
  // In the page at once: fifty-two clicks from outside would take longer than the rest of this file.
  await ada.page.evaluate(() => {
    const form = document.querySelector("form")!;
    for (let n = 1; n <= 52; n++) {
      (form.elements.namedItem("text") as HTMLInputElement).value = `m${n}`;
      form.requestSubmit();
    }
  });
  const newestFifty = Array.from({ length: 50 }, (_, index) => `Ada: m${52 - index}`);
  for (const { page } of [ada, bruno]) await expect(messages(page)).toHaveText(newestFifty);
  const late = await lesson("chat");
  await expect(messages(late.page)).toHaveText(newestFifty);
  const time = Number(await messages(bruno.page).first().getAttribute("data-time"));
  expect(time).toBeGreaterThanOrEqual(before - 1);
  expect(time).toBeLessThanOrEqual(Date.now() + 1);
});

test("chat lesson: an empty frame is ignored", async ({ lesson }) => {
  const { page, frames } = await lesson("chat");
  // The page's socket is a global of its script.
  await page.evaluate("socket.send('')");
  await page.getByLabel("user").fill("Ada");
  await page.getByLabel("text").fill("after");
  await page.getByRole("button").click();
  await expect(messages(page)).toHaveText(["Ada: after"]);
  expect(frames.received).toHaveLength(2);
  await expect(page.locator("#light")).toHaveText("🟢");
});

test("chat lesson: the light turns red when the server stops", async ({ lesson, server }) => {
  const { page } = await lesson("chat");
  await expect(page.locator("#light")).toHaveText("🟢");
  await server.stop();
  await expect(page.locator("#light")).toHaveText("🔴");
});

test("the two lessons' default rooms do not mix", async ({ lesson }) => {
  const gift = await lesson("gift", "me=ada");
  const chat = await lesson("chat");
  await gifts(gift.page).nth(0).click();
  await chat.page.getByLabel("user").fill("Ada");
  await chat.page.getByLabel("text").fill("hello");
  await chat.page.getByRole("button").click();
  await expect(messages(chat.page)).toHaveText(["Ada: hello"]);
  expect(JSON.parse((await lesson("gift", "me=bruno")).frames.received[0]!)).toHaveLength(1);
  expect(gift.frames.received).toHaveLength(1);
});
