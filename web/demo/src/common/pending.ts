// Own messages between being sent and having their place in the room. They are shown on top of what the room says,
// and put into it when their turn comes: so every page ends with the same, whatever happened at the same time.
import type { MessageInfo, Receipt, Status, StatusDetail } from "@patchcast/react";

export interface PendingMessage<Message> {
  readonly message: Message;
  readonly receipt: Receipt;
}

export interface Handlers<Message> {
  /** The message has its place now: after all that came before. */
  readonly placed: (pending: PendingMessage<Message>) => void;
  /** It will never be in the room. */
  readonly refused: (pending: PendingMessage<Message>) => void;
}

interface Entry<Message> extends PendingMessage<Message> {
  /** Whether it comes through `onMessage` too, because the page was told to start over while it waited. */
  comesBack: boolean;
}

export class Pending<Message> {
  #entries: Entry<Message>[] = [];
  /** Whether the connection speaks a plain dialect and its history has come: what is sent from now on comes after it. */
  #plain: "no" | "joining" | "joined" = "no";

  constructor(private readonly handlers: Handlers<Message>) {}

  /** In the order in which they were sent. */
  get entries(): readonly PendingMessage<Message>[] {
    return this.#entries;
  }

  add(message: Message, receipt: Receipt): void {
    const entry = { message, receipt, comesBack: false };
    this.#entries.push(entry);
    receipt.onChange(() => this.#settle(entry));
    this.#settle(entry);
  }

  statusChanged(status: Status, { protocol }: StatusDetail): void {
    if (status !== "open") this.#plain = "no";
    else if (protocol !== "sessions") this.#plain = "joining";
  }

  /** Call it after each message was applied. */
  received(info: MessageInfo): void {
    if (this.#plain !== "joining" || !info.history) return;
    this.#plain = "joined";
    for (const entry of [...this.#entries]) this.#settle(entry);
  }

  /** The page forgets what came. In sessions everything comes again then, what waits here included. */
  startOver(): void {
    if (this.#plain === "no") for (const entry of this.#entries) entry.comesBack = true;
  }

  #settle(entry: Entry<Message>): void {
    if (!this.#entries.includes(entry)) return;
    switch (entry.receipt.state) {
      case "queued":
        return;
      case "sent":
        // In a plain dialect nothing more is ever told.
        if (this.#plain === "joined") break;
        return;
      case "rejected":
        this.#remove(entry);
        this.handlers.refused(entry);
        return;
      case "ordered":
      case "durable":
        break;
    }
    this.#remove(entry);
    if (!entry.comesBack) this.handlers.placed(entry);
  }

  #remove(entry: Entry<Message>): void {
    this.#entries = this.#entries.filter((other) => other !== entry);
  }
}
