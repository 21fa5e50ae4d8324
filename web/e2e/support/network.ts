// The network between pages and the server, as a TCP proxy that can take it away: the browser's own offline mode leaves
// WebSockets alone that are open already.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import type { Server } from "./server.mjs";

interface Link {
  readonly page: Socket;
  readonly server: Socket;
}

export class Network {
  /** WebSockets only: pages are served whatever happens to those, so that they can be loaded again meanwhile. */
  readonly #links = new Set<Link>();
  #state: "up" | "cut" = "up";

  private constructor(
    private readonly listener: TcpServer,
    private readonly server: Server,
  ) {
    listener.on("connection", (page) => {
      page.on("error", () => page.destroy());
      page.once("data", (head) => this.#forward(page, head));
    });
  }

  static async start(server: Server): Promise<Network> {
    const listener = createServer();
    const network = new Network(listener, server);
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** Breaks every WebSocket and lets no new one through. */
  cut(): void {
    this.#state = "cut";
    for (const link of this.#links) destroy(link);
  }

  /** Nothing passes any more over the WebSockets that are open, and neither side is told: the connection is half-open. */
  freeze(): void {
    for (const { page, server } of this.#links) {
      page.unpipe(server).pause();
      server.unpipe(page).pause();
    }
  }

  /** New WebSockets pass again. */
  heal(): void {
    this.#state = "up";
  }

  close(): void {
    this.cut();
    this.listener.close();
  }

  #forward(page: Socket, head: Buffer): void {
    const isWebSocket = /^upgrade: *websocket/im.test(head.toString("latin1"));
    if (isWebSocket && this.#state === "cut") {
      page.destroy();
      return;
    }
    const { hostname, port } = new URL(this.server.url);
    const server = connect(Number(port), hostname);
    const link = { page, server };
    if (isWebSocket) this.#links.add(link);
    for (const socket of [page, server]) {
      socket.on("error", () => destroy(link));
      socket.on("close", () => {
        this.#links.delete(link);
        destroy(link);
      });
    }
    server.write(head);
    page.pipe(server);
    server.pipe(page);
  }
}

function destroy({ page, server }: Link): void {
  page.destroy();
  server.destroy();
}
