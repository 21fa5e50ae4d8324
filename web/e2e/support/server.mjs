// Runs the real server binary for a test: on a port of the system's choice, with data of its own, until told to stop.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const fromHere = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

const BINARY = process.env["PATCHCAST_BIN"] ?? fromHere("../../../target/debug/patchcast");
const WEB = fromHere("../../demo/dist");

export class Server {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #process;
  /** Chosen by the system at the first start and kept for the following ones: open pages know no other. */
  #address = "127.0.0.1:0";

  /**
   * @param {string} data
   * @param {string} web
   */
  constructor(data, web) {
    this.data = data;
    this.web = web;
  }

  /** @param {string} web the pages to serve */
  static async start(web = WEB) {
    if (!existsSync(BINARY)) throw new Error(`no server at ${BINARY}: build it with cargo build -p patchcast-server, or set PATCHCAST_BIN`);
    const server = new Server(await mkdtemp(join(tmpdir(), "patchcast-e2e-")), web);
    await server.restart();
    return server;
  }

  /** The page's address, without a slash at the end. */
  get url() {
    return `http://${this.#address}`;
  }

  /** @param {string} room */
  socketUrl(room) {
    return `ws://${this.#address}/${room}`;
  }

  /** Starts the server on the same port with the same data; resolves once it accepts connections. */
  async restart() {
    const child = spawn(BINARY, ["serve", "--listen", this.#address, "--data", this.data, "--web", this.web], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    let log = "";
    child.stderr.on("data", (chunk) => (log += chunk));
    for await (const line of createInterface({ input: child.stdout })) {
      const [, address] = /^listening on http:\/\/(\S+)$/.exec(line) ?? [];
      if (!address) continue;
      this.#address = address;
      // Nobody reads on, and a full pipe would stop the server.
      child.stdout.resume();
      return;
    }
    throw new Error(`the server did not start:\n${log}`);
  }

  /** Ends the server at once, as a crash would. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Asks the server to finish, as an operator would. */
  async stop() {
    await this.#end("SIGTERM");
  }

  /** Everything that the rooms held is gone, as after a restore of the wrong backup. Only while it does not run. */
  async loseData() {
    await rm(this.data, { recursive: true });
    await mkdir(this.data);
  }

  async remove() {
    await this.#end("SIGKILL");
    await rm(this.data, { recursive: true, force: true });
  }

  /** @param {NodeJS.Signals} signal */
  async #end(signal) {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }
}
