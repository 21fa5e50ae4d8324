// Makes the README's pictures: two people on one page each, against the real server. Needs the demo and the server built.
import { execFile } from "node:child_process";
import { mkdir, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "@playwright/test";
import { launchOptions } from "../e2e/support/browser.mjs";
import { Server } from "../e2e/support/server.mjs";

const OUT = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const LIMIT = 300 * 1024;

const server = await Server.start();
const browser = await chromium.launch(launchOptions);
try {
  await mkdir(OUT, { recursive: true });
  await gifts();
  await chat();
} finally {
  await browser.close();
  await server.remove();
}

async function gifts() {
  const [ada, bruno] = await Promise.all([open("/?as=ada"), open("/?as=bruno")]);
  const reserve = (page, title) => page.getByRole("button", { name: `Reserve ${title}` }).click();
  await reserve(bruno, "Telescope for the balcony");
  await reserve(ada, "Moka pot and good beans");
  await bruno.getByRole("button", { name: "Add a book" }).click();
  await bruno.getByRole("button", { name: "The Hobbit" }).click();
  await bruno.getByRole("button", { name: "Look up and add" }).click();
  await ada.getByRole("heading", { name: "The Hobbit" }).waitFor();
  await ada.getByRole("button", { name: "Add a gift" }).click();
  await ada.getByLabel("What should it be?").fill("Roller skates, size 39");
  await ada.getByRole("radio", { name: "🛼" }).check();
  await ada.getByRole("button", { name: "Add to the list" }).click();
  await reserve(bruno, "Roller skates, size 39");
  await reserve(ada, "The Hobbit");
  await ada.getByText("Bruno reserved “Roller skates, size 39”.").waitFor();
  await shoot(ada, "gifts.png");
}

async function chat() {
  const [ada, bruno, chiyo] = await Promise.all([open("/chat.html"), open("/chat.html"), open("/chat.html")]);
  const say = async (page, name, text) => {
    await page.getByLabel("Your name").fill(name);
    await page.getByLabel("Message").fill(text);
    await page.getByRole("button", { name: "Send" }).click();
    await Promise.all([ada, bruno, chiyo].map((each) => each.getByText(text).waitFor()));
  };
  await say(bruno, "Bruno", "Who takes the telescope?");
  await say(ada, "Ada", "You do, it has your ribbon on it already.");
  await say(chiyo, "Chiyo", "Then the moka pot is mine. Good beans, please!");
  await say(ada, "Ada", "Pull the plug on the server and watch: this line is still here after.");
  await bruno.getByLabel("Message").fill("Plug");
  await ada.getByText("Bruno is writing…").waitFor();
  await ada.setViewportSize({ width: 1120, height: 730 });
  await shoot(ada, "chat.png");
}

async function open(path) {
  const page = await browser.newPage({ viewport: { width: 1120, height: 1000 }, deviceScaleFactor: 1.5, reducedMotion: "reduce" });
  await page.goto(server.url + path);
  await page.locator('[data-connection="open"]').waitFor({ state: "attached" });
  return page;
}

/** Fewer colours make a picture of flat surfaces several times smaller, and nobody sees it. */
async function shoot(page, name) {
  const path = OUT + name;
  await page.mouse.move(0, 0);
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path, animations: "disabled" });
  await new Promise((resolve, reject) =>
    execFile("convert", [path, "+dither", "-colors", "192", "-strip", `PNG8:${path}`], (error) => (error ? reject(error) : resolve())),
  ).catch(() => console.warn(`${name} stays as large as it is: ImageMagick's convert is missing`));
  const { size } = await stat(path);
  if (size > LIMIT) throw new Error(`${name} has ${size} bytes, more than ${LIMIT}`);
  console.log(`${path}: ${Math.round(size / 1024)} KiB`);
}
