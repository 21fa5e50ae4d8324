// The chat in several pages at once, and its light.
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
  await page.evaluate(
    (url) =>
      new Promise<void>((resolve) => {
        const socket = new WebSocket(url, ["json"]);
        socket.onopen = () => {
          for (let n = 1; n <= 55; n++) socket.send(JSON.stringify({ user: "Counter", text: `message ${n}` }));
        };
        socket.onmessage = ({ data }) => {
          if ((JSON.parse(data as string) as { msg: Array<{ text: string }> }).msg[0]?.text === "message 55") resolve();
        };
      }),
    server.socketUrl("chat/lobby"),
  );
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
  await expect(bruno.getByText("waits for the connection")).toBeVisible();
  await server.restart();
  for (const page of [ada, bruno]) {
    await expect(page.locator(light)).toHaveAttribute("data-light", "green");
    await expect(said(page)).toHaveText(["in between", "before"]);
  }
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
