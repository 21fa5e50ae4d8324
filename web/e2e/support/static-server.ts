// Serves the lessons' pages and the Immer that they import, from an origin that is not Patchcast's.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";

const FILES: Readonly<Record<string, { readonly path: string; readonly type: string }>> = {
  "/gift-lesson.html": { path: fromHere("../fixtures/gift-lesson.html"), type: "text/html" },
  "/chat-lesson.html": { path: fromHere("../fixtures/chat-lesson.html"), type: "text/html" },
  "/immer.mjs": { path: fromHere("../../node_modules/immer/dist/immer.production.mjs"), type: "text/javascript" },
};

export interface StaticServer {
  readonly url: string;
  close(): void;
}

export async function serveLessons(): Promise<StaticServer> {
  const server = createServer((request, response) => {
    const file = FILES[new URL(request.url ?? "/", "http://localhost").pathname];
    if (!file) {
      response.writeHead(404).end();
      return;
    }
    readFile(file.path).then(
      (content) => response.writeHead(200, { "content-type": file.type }).end(content),
      (error: Error) => response.writeHead(500).end(error.message),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function fromHere(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
