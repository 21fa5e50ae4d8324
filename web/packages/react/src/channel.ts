// One socket as a component sees it: there before the wasm client is, and the same object when the URL changes.
// Knows nothing of React: the hooks only call it at the right moments.
import type { MessageInfo, PersistOptions, Receipt, Send, SendErrorCode, Status, StatusDetail } from "@patchcast/client";
import type { Client } from "./load-client.js";
import { EarlyReceipt, refused } from "./receipt.js";

/** Whether messages flow now, how, and, if not, why. The object changes only when its content does. */
export interface SocketStatus extends StatusDetail {
  readonly status: Status;
}

/** Somebody else in the room, and what they show of themselves. */
export interface Other<Value = unknown> {
  /** The id of the other page's connection: two pages of one person have two. */
  readonly client: string;
  /** As it came over the network. The room takes any JSON value from anybody, so look before you trust it. */
  readonly value: Value;
}

/** Where to connect and how: a change in any of it needs a new connection. */
export interface Target {
  readonly url: string;
  readonly protocol?: "patches" | "json" | undefined;
  readonly queueLimit?: number | undefined;
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number } | undefined;
  readonly persist?: PersistOptions | undefined;
}

/** What the app wants to hear. Replaced as a whole on every render, so that the latest callbacks are called. */
export interface Handlers {
  readonly onMessage: (message: never, info: MessageInfo) => void;
  readonly onReset?: ((reason: string) => void) | undefined;
  readonly onStatus?: ((status: Status, detail: StatusDetail) => void) | undefined;
  readonly onError?: ((error: Error) => void) | undefined;
}

/** The status before anything happened, on the server too. */
export const CONNECTING: SocketStatus = Object.freeze({ status: "connecting" });

/** What is seen of the others while there is no connection. */
export const NOBODY: readonly Other[] = Object.freeze([]);

/** The client's own default, held here too for the time before the client is loaded. */
export const DEFAULT_QUEUE_LIMIT = 1000;

interface Waiting {
  /** As text, so that what is not JSON is told to its sender at once, and a later change of the object changes nothing. */
  readonly json: string;
  readonly receipt: EarlyReceipt;
}

type Phase =
  /** Not opened yet. What is sent is kept for the first connection: a child's effects run before its parent's. */
  | { readonly kind: "new"; readonly queue: Waiting[] }
  /** Waiting for the wasm client. */
  | { readonly kind: "loading"; readonly target: Target; readonly queue: Waiting[] }
  /** The client has taken over, with its own queue and its own reconnecting. */
  | { readonly kind: "connected"; readonly target: Target; readonly socket: Send<unknown> }
  /** The client could not be loaded, or not connect. */
  | { readonly kind: "failed"; readonly target: Target }
  /** Released by the component. */
  | { readonly kind: "closed" };

export class Channel {
  handlers: Handlers = { onMessage: () => {} };

  #phase: Phase = { kind: "new", queue: [] };
  #status: SocketStatus = CONNECTING;
  #others: readonly Other[] = NOBODY;
  #shown: unknown = null;
  #showing = false;
  #listeners = new Set<() => void>();
  #releasing = false;

  constructor(private readonly load: () => Promise<Client>) {}

  /** Connects to the target; does nothing when that connection is there already. Undoes a release of this turn. */
  open(target: Target): void {
    this.#releasing = false;
    const phase = this.#phase;
    if ("target" in phase) {
      if (sameTarget(phase.target, target)) return;
      this.#close();
      this.#startAgain(target, "the address or the options of the connection changed");
    } else if (phase.kind === "new") this.#start(target, phase.queue);
    else this.#startAgain(target, "the component is mounted again");
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

  /** Closes and connects anew, which also brings everything again that the room holds. */
  reconnect(): void {
    const phase = this.#phase;
    if (!("target" in phase)) return;
    this.#close();
    this.#startAgain(phase.target, "the app asked for a new connection");
  }

  /** The reason of a refusal is told to `onError` too. Throws a `TypeError` for what is not a message. */
  send(message: unknown): Receipt {
    const phase = this.#phase;
    switch (phase.kind) {
      case "connected": {
        const receipt = phase.socket(message);
        receipt.onChange(this.#tell);
        this.#tell();
        return receipt;
      }
      case "new":
      case "loading": {
        const json = toJson(message);
        const limit = (phase.kind === "loading" && phase.target.queueLimit) || DEFAULT_QUEUE_LIMIT;
        if (phase.queue.length >= limit) return this.#refuse("queue_full", `the queue is full: ${limit} messages wait for the connection`);
        const receipt = new EarlyReceipt();
        phase.queue.push({ json, receipt });
        this.#tell();
        return receipt;
      }
      case "failed":
        return this.#refuse("closed", "the message was not sent: the client could not be loaded");
      case "closed":
        return this.#refuse("closed", "the message was not sent: its component is unmounted");
    }
  }

  /**
   * Shows `value` to the others, over every connection from now on; `null` takes it away.
   *
   * Only the last value of a turn is told: an effect that is cleaned up and run again shows no gap in between.
   */
  show(value: unknown): void {
    this.#shown = value;
    if (this.#showing) return;
    this.#showing = true;
    queueMicrotask(() => {
      this.#showing = false;
      if (this.#phase.kind === "connected") this.#tellOthers(this.#phase.socket);
    });
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  status = (): SocketStatus => this.#status;

  others = (): readonly Other[] => this.#others;

  /** How many messages are not acknowledged yet. */
  unsaved = (): number => {
    const phase = this.#phase;
    return "queue" in phase ? phase.queue.length : "socket" in phase ? phase.socket.queued : 0;
  };

  /** For a connection that brings from the start what an earlier one may have brought in part. */
  #startAgain(target: Target, reason: string): void {
    this.handlers.onReset?.(reason);
    this.#start(target, []);
  }

  #start(target: Target, queue: Waiting[]): void {
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
        if (this.#phase === phase) this.#fail(target, queue, error);
      },
    );
  }

  #connect(client: Client, target: Target, queue: readonly Waiting[]): void {
    let socket: Send<unknown>;
    const current = () => this.#phase.kind === "connected" && this.#phase.socket === socket;
    try {
      socket = client.connect<unknown, unknown>(
        target.url,
        (message, info) => {
          if (!current()) return;
          this.handlers.onMessage(message as never, info);
          // One that an earlier life of the page sent was not acknowledged before, and told no receipt of this one.
          if (info.own) this.#tell();
        },
        {
          // The types tell the dialects apart, to which the values behind them are the same here.
          protocol: target.protocol as undefined,
          queueLimit: target.queueLimit,
          backoff: target.backoff,
          persist: target.persist,
          onReset: (reason) => current() && this.handlers.onReset?.(reason),
          onStatus: (status, detail) => current() && this.#setStatus({ status, ...detail }),
          onError: (error) => this.#report(error),
        },
      );
    } catch (error) {
      // A URL that no WebSocket takes: an app's mistake, which no retry mends.
      this.#fail(target, queue, error as Error);
      return;
    }
    this.#phase = { kind: "connected", target, socket };
    socket.presence.onChange(() => {
      if (!current()) return;
      this.#others = Array.from(socket.presence.others, ([client, value]) => ({ client, value }));
      this.#tell();
    });
    if (this.#shown !== null) this.#tellOthers(socket);
    for (const { json, receipt } of queue) {
      this.#guarded(() => receipt.follow(this.#sendNow(socket, json)));
      receipt.onChange(this.#tell);
    }
    this.#tell();
  }

  #sendNow(socket: Send<unknown>, json: string): Receipt {
    try {
      return socket(JSON.parse(json));
    } catch (error) {
      // JSON, but not what the dialect asks for. Whoever sent it is long gone from the stack.
      return this.#refuse("bad_data", (error as Error).message);
    }
  }

  #tellOthers(socket: Send<unknown>): void {
    this.#guarded(() => socket.presence.set(this.#shown));
  }

  #fail(target: Target, queue: readonly Waiting[], error: Error): void {
    this.#phase = { kind: "failed", target };
    this.#setStatus({ status: "closed", reason: error.message });
    this.#report(error);
    this.#reject(queue, "the message was not sent: there is no connection");
  }

  #close(): void {
    const phase = this.#phase;
    const unsaved = this.unsaved();
    if ("socket" in phase) phase.socket.close();
    this.#others = NOBODY;
    if ("queue" in phase) this.#reject(phase.queue, "closed before the message was sent");
    // What is persisted is not lost: the next connection sends it.
    const kept = "socket" in phase && phase.target.persist !== undefined;
    if (unsaved > 0 && !kept) this.#report(new Error(`closed before ${unsaved} message${unsaved === 1 ? " was" : "s were"} saved`));
  }

  #reject(queue: readonly Waiting[], why: string): void {
    for (const { receipt } of queue) this.#guarded(() => receipt.follow(refused("closed", why)));
  }

  #setStatus(next: SocketStatus): void {
    if (!sameStatus(this.#status, next)) {
      this.#status = next;
      const { status, ...detail } = next;
      this.handlers.onStatus?.(status, detail);
    }
    // The same status may be another connection's, with which the others and what is unsaved have changed.
    this.#tell();
  }

  #tell = (): void => {
    for (const listener of [...this.#listeners]) listener();
  };

  #refuse(code: SendErrorCode, why: string): Receipt {
    const receipt = refused(code, why);
    this.#report(receipt.error);
    return receipt;
  }

  /** Runs what calls into the app, so that a listener that throws keeps nothing else from being done. */
  #guarded(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#report(error as Error);
    }
  }

  #report(error: Error): void {
    if (this.handlers.onError) this.handlers.onError(error);
    else console.error(error);
  }
}

function toJson(message: unknown): string {
  const json = JSON.stringify(message) as string | undefined;
  if (json === undefined) throw new TypeError(`${typeof message} has no JSON form, so it cannot be sent`);
  return json;
}

function sameStatus(a: SocketStatus, b: SocketStatus): boolean {
  return a.status === b.status && a.code === b.code && a.reason === b.reason && a.retryInMs === b.retryInMs && a.protocol === b.protocol;
}

function sameTarget(a: Target, b: Target): boolean {
  return (
    a.url === b.url &&
    a.protocol === b.protocol &&
    a.queueLimit === b.queueLimit &&
    a.backoff?.minMs === b.backoff?.minMs &&
    a.backoff?.maxMs === b.backoff?.maxMs &&
    a.persist?.name === b.persist?.name &&
    a.persist?.from === b.persist?.from
  );
}
