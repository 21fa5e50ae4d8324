// The gift list in several pages at once.
import { post } from "../support/raw-session.js";
import { addGift, expect, gift, test } from "../support/test.js";

const BICYCLE = "A bicycle with a basket";
const KITE = "Stunt kite";

test("a reservation in one page is seen in the other, and only its maker can take it back", async ({ open }) => {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  await gift(ada, KITE).getByRole("button", { name: "Reserve" }).click();
  await expect(gift(bruno, KITE)).toContainText("Reserved by Ada");
  await expect(gift(bruno, KITE).getByRole("button")).toHaveCount(0);
  await expect(bruno.getByText("Ada reserved “Stunt kite”.")).toBeVisible();
  await gift(ada, KITE).getByRole("button", { name: "Unreserve" }).click();
  await expect(gift(bruno, KITE).getByRole("button", { name: "Reserve" })).toBeVisible();
});

test("a late joiner sees everything that three pages did", async ({ open }) => {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  await addGift(ada, "A cat");
  await gift(bruno, "A cat").getByRole("button", { name: "Reserve" }).click();
  await expect(gift(ada, "A cat")).toContainText("Reserved by Bruno");
  const chiyo = await open("/?as=chiyo");
  await expect(gift(chiyo, "A cat")).toContainText("Reserved by Bruno");
  await gift(chiyo, BICYCLE).getByRole("button", { name: "Reserve" }).click();
  for (const page of [ada, bruno]) await expect(gift(page, BICYCLE)).toContainText("Reserved by Chiyo");
});

test("undo, redo and reset are seen by the others", async ({ open }) => {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  await addGift(ada, "A cat");
  await expect(gift(bruno, "A cat")).toBeVisible();
  await ada.getByRole("button", { name: "Undo" }).click();
  await expect(gift(bruno, "A cat")).toHaveCount(0);
  await ada.getByRole("button", { name: "Redo" }).click();
  await expect(gift(bruno, "A cat")).toBeVisible();
  await bruno.getByRole("button", { name: "Reset" }).click();
  await expect(gift(ada, "A cat")).toHaveCount(0);
});

test("a book comes from the bundled sample, in so many words, when Open Library cannot be reached", async ({ open }) => {
  const page = await open("/");
  await page.route("https://openlibrary.org/**", (route) => route.abort());
  await page.getByRole("button", { name: "Add a book" }).click();
  await page.getByLabel("ISBN").fill("12345");
  await page.getByRole("button", { name: "Look up and add" }).click();
  await expect(page.getByText("That is no ISBN")).toBeVisible();
  await page.getByLabel("ISBN").fill("978-0-547-92822-7");
  await page.getByRole("button", { name: "Look up and add" }).click();
  await expect(gift(page, "The Hobbit")).toContainText("J. R. R. Tolkien");
  await expect(page.getByText("Open Library could not be reached")).toBeVisible();
});

test("a book comes from Open Library when that answers", async ({ open }) => {
  const page = await open("/");
  await page.route("https://openlibrary.org/**", (route) =>
    route.fulfill({ json: { "ISBN:9780547928227": { title: "The Hobbit, annotated", authors: [{ name: "J. R. R. Tolkien" }] } } }),
  );
  await page.getByRole("button", { name: "Add a book" }).click();
  await page.getByLabel("ISBN").fill("9780547928227");
  await page.getByRole("button", { name: "Look up and add" }).click();
  await expect(gift(page, "The Hobbit, annotated")).toBeVisible();
});

test("rooms do not hear each other", async ({ open }) => {
  const [here, elsewhere] = await Promise.all([open("/?room=here"), open("/?room=elsewhere")]);
  await addGift(here, "A cat");
  await expect(gift(here, "A cat")).toBeVisible();
  await addGift(elsewhere, "A dog");
  await expect(gift(elsewhere, "A dog")).toBeVisible();
  await expect(gift(elsewhere, "A cat")).toHaveCount(0);
  await expect(gift(await open("/?room=here"), "A cat")).toBeVisible();
});

test("a stranger's patches that fit nothing leave the page standing and in step with the others", async ({ open, server }) => {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  await post(bruno, server.socketUrl("gifts/lobby"), [
    [{ op: "replace", path: ["gifts", "nowhere", "reservedBy"], value: "ada" }],
    [{ op: "replace", path: [], value: "not a gift list" }],
    { text: "no patches" },
  ]);
  await gift(ada, KITE).getByRole("button", { name: "Reserve" }).click();
  for (const page of [bruno, await open("/?as=chiyo")]) await expect(gift(page, KITE)).toContainText("Reserved by Ada");
});
