// Measures the client in Chromium and Firefox: joining a long room, and what a message costs the page. scripts/bench-browser runs it.
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Server } from "../../web/e2e/support/server.mjs";
import { pageClock } from "./page-thread.mjs";
import { bytesOfJoining, fill, record } from "./rooms.mjs";
import { median, ratio, spread } from "./stats.mjs";
import { Browser, browserNames } from "./webdriver.mjs";
import { WebServer } from "./web-server.mjs";

const CLIENT = fileURLToPath(new URL("../../crates/client-wasm/pkg", import.meta.url));
const BAR = 2;
// So many times the messages are handled in one measurement, so that the driver's call itself, about a millisecond, is too little to be seen.
const LOTS = 5;
const JOINERS = { bare: "patches", patches: "patches", sessions: "sessions" };
const RECEIVERS = { bare: "patches", sessions: "sessions" };
const HANDLERS = { bare: "patches", parse: "sessions", sessions: "sessions" };

const { values: options } = parseArgs({
  options: {
    browser: { type: "string", multiple: true, default: browserNames },
    client: { type: "string", default: CLIENT },
    entries: { type: "string", default: "100000" },
    messages: { type: "string", default: "20000" },
    rounds: { type: "string", default: "9" },
    check: { type: "boolean", default: false },
  },
});
const [entries, messages, rounds] = [options.entries, options.messages, options.rounds].map(Number);
const missed = [];

const server = await Server.start(options.client);
let webServer;
try {
  webServer = await prepare();
  for (const name of options.browser) await measure(name);
} finally {
  webServer?.close();
  await server.remove();
}
if (options.check && missed.length > 0) {
  console.error(`missed: ${missed.join("; ")}`);
  process.exit(1);
}

/** Fills the rooms and records the frames, all of which the browsers share. */
async function prepare() {
  console.log(`${cpus()[0].model.trim()}, ${availableParallelism()} cores, Linux ${readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()}`);
  const recordings = {};
  for (const dialect of ["patches", "sessions"]) {
    await fill(dialect, server.socketUrl("long"), entries);
    recordings[dialect] = await record(dialect, server.socketUrl("live"), messages);
    const bytes = await bytesOfJoining(dialect, server.socketUrl("long"), entries);
    const perMessage = recordings[dialect].frames.reduce((sum, text) => sum + text.length, 0) / messages;
    console.log(`${dialect}: joining ${entries} messages is ${bytes} bytes; a live message has ${perMessage.toFixed(1)}`);
  }
  return WebServer.start(options.client, recordings);
}

async function measure(name) {
  const browser = await Browser.start(name);
  try {
    console.log(`\n${browser.version}, load ${loadavg()[0].toFixed(1)}`);
    await browser.load(webServer.url);
    const joins = await inRounds(JOINERS, (client) => browser.call("join", client, server.socketUrl("long"), entries));
    report("join, ms", joins, 0);
    const [wall, cpu] = split(await inRounds(RECEIVERS, (client, dialect) => receive(browser, client, dialect)));
    report("live, page thread, us a message", cpu, 2, `${name}, live`);
    report("live, wall time, us a message", wall, 2);
    const handler = await inRounds(HANDLERS, (client, dialect) => handle(browser, client, dialect));
    report("handler alone, us a message", handler, 2, `${name}, handler alone`);
  } finally {
    await browser.close();
  }
}

/** Microseconds a message: from the first to the last, and of the page's thread. */
async function receive(browser, client, dialect) {
  await browser.call("open", client, webServer.replayUrl(dialect), messages);
  const pageMs = pageClock(browser.pid);
  webServer.replay();
  const ms = await browser.call("received");
  return [ms, pageMs()].map((each) => (each * 1000) / messages);
}

/** Microseconds of the page's thread a message, for what the client does with it. */
async function handle(browser, client, dialect) {
  await browser.call("prepare", client, dialect, LOTS);
  const pageMs = pageClock(browser.pid);
  await browser.call("handle");
  return (pageMs() * 1000) / messages / LOTS;
}

/** All clients in every round, in alternating order. The first round warms up and is not counted. */
async function inRounds(clients, measureOne) {
  const results = Object.fromEntries(Object.keys(clients).map((client) => [client, []]));
  for (let round = 0; round <= rounds; round += 1) {
    const order = Object.entries(clients);
    if (round % 2 === 1) order.reverse();
    for (const [client, dialect] of order) {
      const result = await measureOne(client, dialect);
      if (round > 0) results[client].push(result);
    }
  }
  return results;
}

/** From pairs to a pair. */
function split(results) {
  return [0, 1].map((index) => Object.fromEntries(Object.entries(results).map(([client, pairs]) => [client, pairs.map((pair) => pair[index])])));
}

function report(what, results, digits, bar) {
  console.log(`  ${what}`);
  for (const [client, numbers] of Object.entries(results)) {
    const times = client === "bare" ? "" : `, times bare ${ratio(numbers, results.bare)}`;
    console.log(`    ${client.padEnd(9)} ${spread(numbers, digits)}${times}`);
  }
  if (bar && median(results.sessions) > BAR * median(results.bare)) missed.push(`${bar}: above ${BAR} times bare`);
}
