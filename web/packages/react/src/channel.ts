// One socket as a component sees it: there before the wasm client is, and the same object when the URL changes.
// Knows nothing of React: the hooks only call it at the right moments.
import type { MessageInfo, Send, Status, StatusDetail } from "@patchcast/client";
import type { Client } from "./load-client.js";

/** Whether messages flow now and, if not, why. The object changes only when its content does. */
export interface SocketStatus extends StatusDetail {
  readonly status: Status;
}

/** Where to connect and how: a change in any of it needs a new connection. */
export interface Target {
  readonly url: string;
  readonly protocol?: "json" | undefined;
  readonly queueLimit?: number | undefined;
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number } | undefined;
}

/** What the app wants to hear. Replaced as a whole on every render, so that the latest callbacks are called. */
export interface Handlers {
  readonly onMessage: (message: never, info: MessageInfo) => void;
  readonly onStatus?: ((status: Status, detail: StatusDetail) => void) | undefined;
  readonly onError?: ((error: Error) => void) | undefined;
}

/** The status before anything happened, on the server too. */
export const CONNECTING: SocketStatus = Object.freeze({ status: "connecting" });

/** The client's own default, held here too for the time before the client is loaded. */
export const DEFAULT_QUEUE_LIMIT = 1000;

type Phase =
  /** Not opened yet. What is sent is kept for the first connection: a child's effects run before its parent's. */
  | { readonly kind: "new"; readonly queue: unknown[] }
  /** Waiting for the wasm client. */
  | { readonly kind: "loading"; readonly target: Target; readonly queue: unknown[] }
  /** The client has taken over, with its own queue and its own reconnecting. */
  | { readonly kind: "connected"; readonly target: Target; readonly socket: Send<unknown> }
  /** The client could not be loaded. */
  | { readonly kind: "failed"; readonly target: Target }
  /** Released by the component. */
  | { readonly kind: "closed" };

export class Channel {
  handlers: Handlers = { onMessage: () => {} };

  #phase: Phase = { kind: "new", queue: [] };
  #status: SocketStatus = CONNECTING;
  #listeners = new Set<() => void>();
  #releasing = false;

  constructor(private readonly load: () => Promise<Client>) {}

  /** Connects to the target; does nothing when that connection is there already. Undoes a release of this turn. */
  open(target: Target): void {
    this.#releasing = false;
    const phase = this.#phase;
    const queue = phase.kind === "new" ? phase.queue : [];
    if ("target" in phase) {
      if (sameTarget(phase.target, target)) return;
      this.#close();
    }
    this.#start(target, queue);
  }

  /**
   * Closes at the end of this turn unless `open` is called before.
   *
   * StrictMode unmounts and mounts again within one turn. Closing at once would show the server two
   * connections where the app has one.
   */
  release(): void {
    this.#releasing = true;
    queueMicrotask(() => {
      if (!this.#releasing) return;
      this.#releasing = false;
      this.#close();
      this.#phase = { kind: "closed" };
      this.#setStatus({ status: "closed" });
    });
  }

  /** Closes and connects anew, which also brings the room's whole history again. */
  reconnect(): void {
    const phase = this.#phase;
    if (!("target" in phase)) return;
    this.#close();
    this.#start(phase.target, []);
  }

  /** True when the message was sent or queued; the reason of a false is told to `onError`. */
  send(message: unknown): boolean {
    const phase = this.#phase;
    switch (phase.kind) {
      case "connected":
        return phase.socket(message);
      case "new":
      case "loading": {
        const limit = (phase.kind === "loading" && phase.target.queueLimit) || DEFAULT_QUEUE_LIMIT;
        if (phase.queue.length >= limit) return this.#refuse(`the queue is full: ${limit} messages wait for the connection`);
        phase.queue.push(message);
        return true;
      }
      case "failed":
        return this.#refuse("the message was not sent: the client could not be loaded");
      case "closed":
        return this.#refuse("the message was not sent: its component is unmounted");
    }
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): SocketStatus => this.#status;

  #start(target: Target, queue: unknown[]): void {
    const phase: Phase = { kind: "loading", target, queue };
    this.#phase = phase;
    this.#setStatus(CONNECTING);
    this.load().then(
      (client) => {
        // A newer target, or an unmount, has overtaken this load.
        if (this.#phase !== phase) return;
        this.#connect(client, target, queue);
      },
      (error: Error) => {
        if (this.#phase !== phase) return;
        this.#phase = { kind: "failed", target };
        this.#setStatus({ status: "closed", reason: error.message });
        this.#report(error);
      },
    );
  }

  #connect(client: Client, target: Target, queue: readonly unknown[]): void {
    let socket: Send<unknown> | undefined;
    const current = () => this.#phase.kind === "connected" && this.#phase.socket === socket;
    const onMessage = (message: unknown, info: MessageInfo) => {
      if (current()) this.handlers.onMessage(message as never, info);
    };
    const options = {
      ...(target.queueLimit !== undefined && { queueLimit: target.queueLimit }),
      ...(target.backoff !== undefined && { backoff: target.backoff }),
      onStatus: (status: Status, detail: StatusDetail) => {
        if (current()) this.#setStatus({ status, ...detail });
      },
      onError: (error: Error) => this.#report(error),
    };
    try {
      socket =
        target.protocol === "json"
          ? client.connect<unknown, unknown>(target.url, onMessage, { ...options, protocol: "json" })
          : (client.connect(target.url, onMessage, options) as Send<unknown>);
    } catch (error) {
      // A URL that no WebSocket takes: an app's mistake, which no retry mends.
      this.#phase = { kind: "failed", target };
      this.#setStatus({ status: "closed", reason: (error as Error).message });
      this.#report(error as Error);
      return;
    }
    this.#phase = { kind: "connected", target, socket };
    for (const message of queue) {
      try {
        socket(message);
      } catch (error) {
        this.#report(error as Error);
      }
    }
  }

  #close(): void {
    const phase = this.#phase;
    const unsent = "queue" in phase ? phase.queue.length : "socket" in phase ? phase.socket.queued : 0;
    if ("socket" in phase) phase.socket.close();
    if (unsent > 0) this.#report(new Error(`closed before ${unsent} queued message${unsent === 1 ? " was" : "s were"} sent`));
  }

  #setStatus(next: SocketStatus): void {
    const last = this.#status;
    if (last.status === next.status && last.code === next.code && last.reason === next.reason && last.retryInMs === next.retryInMs) return;
    this.#status = next;
    const { status, ...detail } = next;
    this.handlers.onStatus?.(status, detail);
    for (const listener of [...this.#listeners]) listener();
  }

  #refuse(why: string): false {
    this.#report(new Error(why));
    return false;
  }

  #report(error: Error): void {
    if (this.handlers.onError) this.handlers.onError(error);
    else console.error(error);
  }
}

function sameTarget(a: Target, b: Target): boolean {
  return (
    a.url === b.url &&
    a.protocol === b.protocol &&
    a.queueLimit === b.queueLimit &&
    a.backoff?.minMs === b.backoff?.minMs &&
    a.backoff?.maxMs === b.backoff?.maxMs
  );
}
