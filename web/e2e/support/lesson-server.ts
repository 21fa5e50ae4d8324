// A server as the Immer lesson leads to it: every connection gets all patches so far, every message goes to the others.
// Knows nothing of Patchcast but its demo, which it serves.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";

const PAGES = fileURLToPath(new URL("../../demo/dist", import.meta.url));
const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

/**
 * What the server makes of offered subprotocols of which it knows none: `first` takes whatever stands first, as the
 * library of the lesson does; `none` answers without one, upon which Chromium ends the connection.
 */
export type Subprotocols = "first" | "none";

export class LessonServer {
  /** Every message, as it came. */
  readonly received: string[] = [];
  readonly #history: unknown[] = [];
  readonly #connections = new Set<Duplex>();
  #isDown = false;

  private constructor(
    private readonly http: Server,
    private readonly subprotocols: Subprotocols,
  ) {
    http.on("upgrade", (request, socket) => this.#accept(request, socket));
  }

  static async start(subprotocols: Subprotocols): Promise<LessonServer> {
    const http = createServer((request, response) => {
      const path = new URL(request.url ?? "/", "http://localhost").pathname;
      const file = path === "/" ? "/index.html" : path;
      readFile(PAGES + file).then(
        (content) => response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(content),
        () => response.writeHead(404).end(),
      );
    });
    const server = new LessonServer(http, subprotocols);
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Ends every connection and takes no new one. */
  goDown(): void {
    this.#isDown = true;
    for (const socket of this.#connections) socket.destroy();
  }

  comeBack(): void {
    this.#isDown = false;
  }

  close(): void {
    this.goDown();
    this.http.close();
    this.http.closeAllConnections();
  }

  #accept({ headers }: IncomingMessage, socket: Duplex): void {
    if (this.#isDown) {
      socket.destroy();
      return;
    }
    const key = `${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const [offered] = (headers["sec-websocket-protocol"] ?? "").split(",");
    const lines = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${createHash("sha1").update(key).digest("base64")}`,
      ...(offered && this.subprotocols === "first" ? [`Sec-WebSocket-Protocol: ${offered.trim()}`] : []),
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
    socket.on("error", () => socket.destroy());
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let frame = readFrame(bytes); frame; frame = readFrame(bytes)) {
        bytes = bytes.subarray(frame.length);
        if (frame.opcode === TEXT) this.#hear(frame.payload.toString(), socket);
        if (frame.opcode === CLOSE) socket.end(writeFrame(CLOSE, frame.payload.subarray(0, 2)));
      }
    });
    socket.write(writeFrame(TEXT, Buffer.from(JSON.stringify(this.#history))));
  }

  #hear(text: string, from: Duplex): void {
    this.received.push(text);
    this.#history.push(...(JSON.parse(text) as unknown[]));
    for (const other of this.#connections) if (other !== from) other.write(writeFrame(TEXT, Buffer.from(text)));
  }
}

const TEXT = 1;
const CLOSE = 8;
/** Of RFC 6455, section 5.2: whole messages of less than 64 KiB are all that the tests send. */
const LENGTH_16 = 126;

function writeFrame(opcode: number, payload: Buffer): Buffer {
  const length = payload.length < LENGTH_16 ? Buffer.from([payload.length]) : Buffer.from([LENGTH_16, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, payload]);
}

/** The first frame, when all of it is there. A client's is masked. */
function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; length: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  if (short > LENGTH_16) throw new Error("a frame of 64 KiB or more");
  const maskAt = short === LENGTH_16 ? 4 : 2;
  if (bytes.length < maskAt + 4) return undefined;
  const size = short === LENGTH_16 ? bytes.readUInt16BE(2) : short;
  const start = maskAt + 4;
  if (bytes.length < start + size) return undefined;
  const mask = bytes.subarray(maskAt, start);
  const payload = Buffer.from(bytes.subarray(start, start + size).map((byte, index) => byte ^ mask[index % 4]!));
  return { opcode: bytes[0]! & 0x0f, payload, length: start + size };
}
