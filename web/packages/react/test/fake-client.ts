// A client without a network: records every connection that was made and lets a test play the server.
import type { ConnectOptions, MessageInfo, Receipt, ReceiptState, Saved, SendErrorCode, Status, StatusDetail } from "@patchcast/client";

type OnMessage = (message: unknown, info: MessageInfo) => void;
type Options = Omit<ConnectOptions, "protocol"> & { protocol?: "patches" | "json" | undefined };

/** What became of a message is the test's to say. */
export class FakeReceipt implements Receipt {
  state: ReceiptState = "queued";
  id: number | undefined = undefined;
  seq: number | undefined = undefined;
  error: Receipt["error"] = undefined;
  readonly #listeners = new Set<(receipt: Receipt) => void>();

  becomes(state: ReceiptState, more: { id?: number; seq?: number; code?: SendErrorCode } = {}): void {
    const { code, ...rest } = more;
    Object.assign(this, { state, ...rest }, code && { error: Object.assign(new Error(code), { code }) });
    for (const listener of [...this.#listeners]) listener(this);
  }

  onChange(listener: (receipt: Receipt) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  then<A = Saved, B = never>(onSaved?: ((saved: Saved) => A | PromiseLike<A>) | null, onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null) {
    return new Promise<Saved>((resolve, reject) => {
      const look = () => {
        if (this.state === "durable") resolve({ seq: this.seq!, durability: "fsync" });
        if (this.state === "rejected") reject(this.error);
      };
      this.onChange(look);
      look();
    }).then(onSaved, onRejected);
  }
}

export class FakeConnection {
  readonly sent: unknown[] = [];
  readonly receipts: FakeReceipt[] = [];
  closed = false;
  queued = 0;
  /** Everything that was shown to the others, in its order. */
  readonly shown: unknown[] = [];
  readonly send;
  #others: ReadonlyMap<string, unknown> = new Map();
  #presenceListener = () => {};

  constructor(
    readonly url: string,
    readonly onMessage: OnMessage,
    readonly options: Options,
  ) {
    const send = (message: unknown): Receipt => {
      if (message === "no patches") throw new TypeError("a message is an array of patches");
      const receipt = new FakeReceipt();
      this.sent.push(message);
      this.receipts.push(receipt);
      return receipt;
    };
    this.send = Object.defineProperties(send, {
      close: { value: () => (this.closed = true) },
      queued: { get: () => this.queued },
      presence: {
        value: Object.defineProperties(
          {
            set: (value: unknown) => {
              if (JSON.stringify(value).length > 1024) throw new TypeError("too much to show");
              this.shown.push(value);
            },
            onChange: (listener: () => void) => (this.#presenceListener = listener),
          },
          { others: { get: () => this.#others } },
        ),
      },
    });
  }

  status(status: Status, detail: StatusDetail = {}): void {
    this.options.onStatus?.(status, detail);
  }

  deliver(message: unknown, info: MessageInfo = { history: false }): void {
    this.onMessage(message, info);
  }

  present(others: Record<string, unknown>): void {
    this.#others = new Map(Object.entries(others));
    this.#presenceListener();
  }
}

/** The module's exports, with the loading in the test's hands. */
export class FakeClient {
  connections: FakeConnection[] = [];
  inits = 0;
  failInit: Error | undefined;
  #loaded: Array<() => void> = [];
  #hold = false;

  /** From now on `init` waits until `finishLoading`. */
  holdLoading(): void {
    this.#hold = true;
  }

  async finishLoading(): Promise<void> {
    this.#hold = false;
    for (const resolve of this.#loaded.splice(0)) resolve();
    await settle();
  }

  init = async (): Promise<void> => {
    this.inits += 1;
    if (this.failInit) throw this.failInit;
    if (this.#hold) await new Promise<void>((resolve) => this.#loaded.push(resolve));
  };

  connect = (url: string, onMessage: OnMessage, options: Options = {}) => {
    const connection = new FakeConnection(url, onMessage, options);
    this.connections.push(connection);
    return connection.send;
  };

  get open(): FakeConnection[] {
    return this.connections.filter((connection) => !connection.closed);
  }
}

/** Lets every promise that is already resolvable run: a macrotask comes after all microtasks. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
