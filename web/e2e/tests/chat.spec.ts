// The chat in several pages at once: its light, and what is saved.
import { post } from "../support/raw-session.js";
import { expect, said, say, test } from "../support/test.js";

const light = "[data-light]";

test("what one page says everyone reads, newest first, under the light of a connection that is up", async ({ open }) => {
  const [ada, bruno] = await Promise.all([open("/chat.html"), open("/chat.html")]);
  for (const page of [ada, bruno]) {
    await expect(page.locator(light)).toHaveAttribute("data-light", "green");
    await expect(page.locator(light)).toHaveText("Connected");
  }
  await say(ada, "Ada", "one");
  await expect(said(bruno)).toHaveText(["one"]);
  await say(bruno, "Bruno", "two");
  for (const page of [ada, bruno]) await expect(said(page)).toHaveText(["two", "one"]);
  await expect(said(await open("/chat.html"))).toHaveText(["two", "one"]);
});

test("the newest fifty are shown", async ({ open, server }) => {
  const page = await open("/chat.html");
  const messages = Array.from({ length: 55 }, (_, index) => ({ user: "Counter", text: `message ${index + 1}` }));
  await post(page, server.socketUrl("chat/lobby"), messages);
  const newestFifty = Array.from({ length: 50 }, (_, index) => `message ${55 - index}`);
  await expect(said(page)).toHaveText(newestFifty);
  await expect(said(await open("/chat.html"))).toHaveText(newestFifty);
});

test("the light turns red when the server stops, and green once it is back", async ({ open, server }) => {
  const [ada, bruno] = await Promise.all([open("/chat.html"), open("/chat.html")]);
  await say(ada, "Ada", "before");
  await expect(said(bruno)).toHaveText(["before"]);
  await server.stop();
  for (const page of [ada, bruno]) await expect(page.locator(light)).toHaveAttribute("data-light", "red");
  await say(bruno, "Bruno", "in between");
  const sign = bruno.locator(".messages .save-icon").first();
  await expect(sign).toHaveAccessibleName("Not saved yet");
  await expect(bruno.locator(".messages time")).toHaveCount(1);
  await server.restart();
  for (const page of [ada, bruno]) {
    await expect(page.locator(light)).toHaveAttribute("data-light", "green");
    await expect(said(page)).toHaveText(["in between", "before"]);
    await expect(page.locator(".messages time")).toHaveCount(2);
  }
  await expect(sign).toHaveAccessibleName("Saved");
});

test("a message has the server's time, on every page the same", async ({ open }) => {
  const before = Date.now();
  const [ada, bruno] = await Promise.all([open("/chat.html"), open("/chat.html")]);
  await say(ada, "Ada", "hello");
  const time = (page: typeof ada) => page.locator(".messages time").getAttribute("datetime");
  const shown = Date.parse((await time(bruno))!);
  expect(shown).toBeGreaterThanOrEqual(before - 1);
  expect(shown).toBeLessThanOrEqual(Date.now() + 1);
  await expect(ada.locator(".messages time")).toHaveAttribute("datetime", (await time(bruno))!);
});

test("a stranger's messages that are none are left out", async ({ open, server }) => {
  const page = await open("/chat.html");
  await post(page, server.socketUrl("chat/lobby"), [null, 7, "text", { user: "x" }, { user: "Eve", text: "hi", time: -1 }]);
  await expect(said(page)).toHaveText(["hi"]);
  await say(page, "Ada", "still here");
  await expect(said(page)).toHaveText(["still here", "hi"]);
});

test("markup is shown as the text that it is", async ({ open }) => {
  const [ada, bruno] = await Promise.all([open("/chat.html"), open("/chat.html")]);
  const markup = `<img src=x onerror="document.title='owned'"><b>bold</b>`;
  await say(ada, "<i>Ada</i>", markup);
  await expect(said(bruno)).toHaveText([markup]);
  await expect(bruno.locator(".meta strong")).toHaveText("<i>Ada</i>");
  await expect(bruno).toHaveTitle("Chat · Patchcast");
});

test("a name is remembered by its tab", async ({ open }) => {
  const page = await open("/chat.html");
  await say(page, "Ada", "hello");
  await expect(said(page)).toHaveText(["hello"]);
  await page.reload();
  await expect(page.getByLabel("Your name")).toHaveValue("Ada");
});
