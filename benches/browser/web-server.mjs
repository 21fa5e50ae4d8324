// Serves the page and the client, and replays what the real server sent as fast as the page takes it.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { headerBytes } from "./rooms.mjs";

const PAGE = fileURLToPath(new URL("page", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
// An isolated page has the finest clock: 5 us in Chromium, 20 us in Firefox.
const ISOLATION = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
// RFC 6455, section 1.3.
const HANDSHAKE_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export class WebServer {
  #http;
  #recordings;
  #socket;
  #rest;

  /** `recordings`: by dialect, what `record` of rooms.mjs gives. */
  static async start(clientFolder, recordings) {
    const server = new WebServer();
    server.#recordings = recordings;
    server.#http = createServer(async (request, response) => {
      try {
        const [type, content] = await server.#find(request.url, clientFolder);
        response.writeHead(200, { "content-type": type, ...ISOLATION }).end(content);
      } catch {
        response.writeHead(404).end();
      }
    });
    server.#http.on("upgrade", (request, socket) => server.#upgrade(request, socket));
    server.#http.listen(0, "127.0.0.1");
    await once(server.#http, "listening");
    return server;
  }

  get url() {
    return `http://127.0.0.1:${this.#http.address().port}/`;
  }

  /** Where a recording is replayed: the first frame at once, the others on `replay`. */
  replayUrl(dialect) {
    return `${this.url.replace("http", "ws")}replay/${dialect}`;
  }

  /** Sends the newest connection all that is left, in one write. */
  replay() {
    this.#socket.write(this.#rest);
  }

  close() {
    this.#http.close();
    this.#http.closeAllConnections();
    this.#socket?.destroy();
  }

  async #find(path, clientFolder) {
    const [, recording] = /^\/recorded\/(\w+)\.json$/.exec(path) ?? [];
    if (recording) return ["application/json", JSON.stringify(this.#recordings[recording])];
    const inClient = path.startsWith("/client/");
    const file = inClient ? join(clientFolder, path.slice("/client/".length)) : join(PAGE, path === "/" ? "index.html" : path);
    return [TYPES[extname(file)] ?? "application/octet-stream", await readFile(file)];
  }

  #upgrade(request, socket) {
    const dialect = request.url.split("/").at(-1);
    const { first, frames } = this.#recordings[dialect];
    const key = request.headers["sec-websocket-key"];
    const accept = createHash("sha1").update(key + HANDSHAKE_GUID).digest("base64");
    const head = ["HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: websocket", `sec-websocket-accept: ${accept}`];
    if (dialect === "sessions") head.push("sec-websocket-protocol: patchcast.v1");
    socket.setNoDelay();
    socket.on("error", () => {});
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    const sendFirst = () => socket.write(frame(first));
    // A session is welcomed after its hello. What else a client says is not needed, least of all understood.
    if (dialect === "sessions") socket.once("data", sendFirst);
    else sendFirst();
    socket.resume();
    this.#socket = socket;
    this.#rest = this.#framed(dialect, frames);
  }

  #framed(dialect, frames) {
    this.#recordings[dialect].bytes ??= Buffer.concat(frames.map(frame));
    return this.#recordings[dialect].bytes;
  }
}

/** A text frame of a server, of ASCII text (RFC 6455, section 5.2). */
function frame(text) {
  const header = Buffer.alloc(headerBytes(text.length));
  header[0] = 0x81;
  if (header.length === 2) header[1] = text.length;
  else if (header.length === 4) {
    header[1] = 126;
    header.writeUInt16BE(text.length, 2);
  } else {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(text.length), 2);
  }
  return Buffer.concat([header, Buffer.from(text)]);
}
