// Drives Chromium and Firefox alike: the few requests of the WebDriver protocol (W3C) that a measurement needs.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { launchOptions } from "../../web/e2e/support/browser.mjs";

const SCRIPT_TIMEOUT_MS = 300_000;

const BROWSERS = {
  chromium: {
    driver: process.env["CHROMEDRIVER"] || "chromedriver",
    capabilities: {
      browserName: "chrome",
      "goog:chromeOptions": {
        binary: process.env["CHROME_BIN"] || launchOptions.executablePath,
        args: ["--headless=new", ...launchOptions.args],
      },
    },
  },
  firefox: {
    driver: process.env["GECKODRIVER"] || "geckodriver",
    capabilities: {
      browserName: "firefox",
      "moz:firefoxOptions": { binary: process.env["FIREFOX_BIN"] || "/usr/bin/firefox-esr", args: ["-headless"] },
    },
  },
};

export const browserNames = Object.keys(BROWSERS);

export class Browser {
  #driver;
  #session;

  /** Starts the browser with one empty page. */
  static async start(name) {
    const { driver, capabilities } = BROWSERS[name];
    const child = spawn(driver, ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
    const browser = new Browser();
    browser.#driver = child;
    try {
      browser.#session = `${await listening(child)}/session`;
      const { sessionId, capabilities: actual } = await browser.#request("POST", "", { capabilities: { alwaysMatch: capabilities } });
      browser.#session += `/${sessionId}`;
      browser.version = `${actual.browserName} ${actual.browserVersion}`;
      await browser.#request("POST", "/timeouts", { script: SCRIPT_TIMEOUT_MS });
    } catch (error) {
      child.kill();
      throw error;
    }
    return browser;
  }

  /** The driver's process, from which all of the browser's descend. */
  get pid() {
    return this.#driver.pid;
  }

  /** Loads a page, and waits for its `window.bench`. */
  async load(url) {
    await this.#request("POST", "/url", { url });
    await this.#execute("await new Promise((resolve) => { const look = () => (window.bench ? resolve() : setTimeout(look, 20)); look(); })");
  }

  /** Calls a function of the page's `window.bench`, to what it resolves to. */
  call(name, ...args) {
    return this.#execute(`return window.bench.${name}(...given)`, args);
  }

  async close() {
    await this.#request("DELETE", "").catch(() => {});
    this.#driver.kill();
    if (this.#driver.exitCode === null && this.#driver.signalCode === null) await once(this.#driver, "exit");
  }

  async #execute(body, args = []) {
    // An error of the page is handed over by hand: the drivers' own reports of one leave its cause out.
    const script = `const [given, done] = arguments;
      (async () => { ${body} })().then((value) => done({ value }), (error) => done({ error: String(error?.stack ?? error) }));`;
    const { value, error } = await this.#request("POST", "/execute/async", { script, args: [args] });
    if (error) throw new Error(`in the page: ${error}`);
    return value;
  }

  async #request(method, path, body) {
    const response = await fetch(this.#session + path, {
      method,
      headers: { "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }
}

/** The driver's address, which it prints when it listens. */
async function listening(child) {
  child.on("error", () => {});
  for await (const line of createInterface({ input: child.stdout })) {
    const [, port] = /(?:on port |127\.0\.0\.1:)(\d+)/.exec(line) ?? [];
    if (!port || port === "0") continue;
    // Nobody reads on, and a full pipe would stop the driver.
    child.stdout.resume();
    return `http://127.0.0.1:${port}`;
  }
  throw new Error(`${child.spawnfile} did not start`);
}
