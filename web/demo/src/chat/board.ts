// What was said, newest first: by others as it comes, and by this page at once, until the room has given it its place.
import type { MessageInfo, Receipt, Status, StatusDetail } from "@patchcast/react";
import { Pending } from "../common/pending.js";
import { Store } from "../common/store.js";

export const BOARD_LIMIT = 50;

export interface NewMessage {
  readonly user: string;
  readonly text: string;
}

export interface ChatMessage extends NewMessage {
  /** The same for as long as the message is shown. */
  readonly key: string;
  /** When the server took it, in milliseconds since 1970. */
  readonly time: number | undefined;
  /** Whether this page sent it. */
  readonly own: boolean;
  readonly saved: boolean;
  /** Why it never will be. */
  readonly refusal?: string;
}

interface Own extends NewMessage {
  readonly key: string;
}

export class Board extends Store<readonly ChatMessage[]> {
  /** What has its place, oldest first. */
  #placed: readonly ChatMessage[] = [];
  #said = 0;
  readonly #pending = new Pending<Own>({
    placed: ({ message, receipt }) => {
      this.#place({ ...message, time: undefined, own: true, saved: true });
      // The time comes with the promise, a moment after the place.
      receipt.then(
        ({ time }) => this.#date(message.key, time),
        () => {},
      );
    },
    refused: ({ message, receipt: { error } }) => {
      this.#place({ ...message, time: undefined, own: true, saved: false, refusal: error?.message ?? "refused" });
    },
  });

  say(message: NewMessage, receipt: Receipt): void {
    this.#said += 1;
    this.#pending.add({ ...message, key: `own-${this.#said}` }, receipt);
    this.changed();
  }

  /** Leaves out what cannot be shown: anyone may send anything into the room. */
  receive = (message: unknown, info: MessageInfo): void => {
    if (isNewMessage(message)) {
      const { user, text } = message;
      this.#place({ user, text, key: `room-${info.seq}`, time: info.time, own: info.own ?? false, saved: true });
    }
    this.#pending.received(info);
  };

  startOver = (): void => {
    this.#placed = [];
    this.#pending.startOver();
    this.changed();
  };

  statusChanged = (status: Status, detail: StatusDetail): void => this.#pending.statusChanged(status, detail);

  protected compute(): readonly ChatMessage[] {
    const waiting = this.#pending.entries.map(({ message }) => ({ ...message, time: undefined, own: true, saved: false }));
    return [...this.#placed, ...waiting].slice(-BOARD_LIMIT).reverse();
  }

  #place(message: ChatMessage): void {
    this.#placed = [...this.#placed.slice(1 - BOARD_LIMIT), message];
    this.changed();
  }

  #date(key: string, time: number | undefined): void {
    this.#placed = this.#placed.map((message) => (message.key === key ? { ...message, time } : message));
    this.changed();
  }
}

function isNewMessage(value: unknown): value is NewMessage {
  const { user, text } = (value ?? {}) as Partial<Record<keyof NewMessage, unknown>>;
  return typeof user === "string" && typeof text === "string";
}
