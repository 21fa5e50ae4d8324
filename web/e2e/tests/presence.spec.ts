// Who is in the chat: seen by the others at once, and gone when they are.
import { expect, expectConnection, people, say, test } from "../support/test.js";

const NAME = "Your name";

test("whoever comes is seen, by name once there is one, and whoever leaves is gone", async ({ open }) => {
  const ada = await open("/chat.html");
  await expect(people(ada)).toHaveText(["You"]);
  const bruno = await open("/chat.html");
  await expect(people(ada)).toHaveText(["You", "Somebody"]);
  await bruno.getByLabel(NAME).fill("Bruno");
  await bruno.getByLabel("Message").focus();
  await expect(people(ada)).toHaveText(["You", "Bruno"]);
  await say(ada, "Ada", "hello");
  await expect(people(bruno)).toHaveText(["Bruno", "Ada"]);
  const chiyo = await open("/chat.html");
  await expect(people(chiyo)).toHaveText(["You", "Ada", "Bruno"]);
  await bruno.close();
  for (const [page, others] of [
    [ada, ["Ada", "Somebody"]],
    [chiyo, ["You", "Ada"]],
  ] as const) {
    await expect(people(page)).toHaveText(others);
  }
});

test("whoever writes is said to, until it is sent", async ({ open }) => {
  const [ada, bruno] = await Promise.all([open("/chat.html"), open("/chat.html")]);
  await say(ada, "Ada", "hello");
  await ada.getByLabel("Message").fill("I was just about to");
  await expect(bruno.getByText("Ada is writing…")).toBeVisible();
  await ada.getByRole("button", { name: "Send" }).click();
  await expect(bruno.getByText("Ada is writing…")).toHaveCount(0);
});

test("whoever only stops to write is no longer said to", async ({ open }) => {
  const [ada, bruno] = await Promise.all([open("/chat.html"), open("/chat.html")]);
  await ada.getByLabel("Message").fill("Well");
  await expect(bruno.getByText("Somebody is writing…")).toBeVisible();
  await expect(bruno.getByText("Somebody is writing…")).toHaveCount(0);
});

test("nobody is seen without a connection, and everybody again after it", async ({ open, network }) => {
  const ada = await open("/chat.html");
  const bruno = await open("/chat.html", { through: network });
  await say(ada, "Ada", "hello");
  await say(bruno, "Bruno", "hello");
  await expect(people(bruno)).toHaveText(["Bruno", "Ada"]);
  network.cut();
  await expectConnection(bruno, "reconnecting");
  await expect(people(bruno)).toHaveText(["Bruno"]);
  await expect(people(ada)).toHaveText(["Ada"]);
  network.heal();
  await expect(people(bruno)).toHaveText(["Bruno", "Ada"]);
  await expect(people(ada)).toHaveText(["Ada", "Bruno"]);
});

test("two tabs of one browser are two people", async ({ open }) => {
  const ada = await open("/chat.html");
  await say(ada, "Ada", "hello");
  const again = await open("/chat.html", { beside: ada });
  for (const page of [ada, again]) await expect(people(page)).toHaveText(["Ada", "Ada"]);
});
