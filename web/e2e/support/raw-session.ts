// Speaks sessions by hand, without our client: what the room really holds, and what strangers may put into it.
import type { Page } from "@playwright/test";

export interface Entry {
  readonly client: string;
  readonly id: number;
  readonly time: number;
  readonly data: unknown;
}

/** Everything in the room, in its order. Any page will do: it lends its browser. */
export function readRoom(page: Page, url: string): Promise<Entry[]> {
  return converse(page, url, []);
}

/** Puts messages into the room, whatever they are; resolves once all are saved, to everything that was in it before. */
export function post(page: Page, url: string, messages: readonly unknown[]): Promise<Entry[]> {
  return converse(page, url, messages);
}

function converse(page: Page, url: string, messages: readonly unknown[]): Promise<Entry[]> {
  return page.evaluate(
    ([url, messages]) =>
      new Promise<Entry[]>((resolve, reject) => {
        const socket = new WebSocket(url, ["patchcast.v1"]);
        const say = (message: object) => socket.send(JSON.stringify(message));
        const secret = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
        const entries: Entry[] = [];
        let client = "";
        let head = Infinity;
        let isPosted = false;
        let acked = 0;
        socket.onopen = () => say({ type: "hello", version: 1, kind: "stream", secret });
        socket.onclose = ({ code, reason }) => reject(new Error(`closed with ${code} ${reason}`));
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(data as string);
          if (message.type === "welcome") ({ client, head } = message);
          if (message.type === "entries") {
            entries.push(...message.entries);
            // Whoever reads too slowly is sent own entries as they stand in the log, in place of acks.
            acked += (message.entries as Entry[]).filter((entry) => entry.client === client).length;
          }
          if (message.type === "ack") acked += 1;
          if (message.type === "reject") reject(new Error(data as string));
          if (entries.length < head) return;
          if (!isPosted) messages.forEach((data, index) => say({ type: "op", id: index + 1, data }));
          isPosted = true;
          if (acked < messages.length) return;
          resolve(entries.slice(0, head));
          socket.close();
        };
      }),
    [url, messages] as const,
  );
}
