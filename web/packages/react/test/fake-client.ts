// A client without a network: records every connection that was made and lets a test play the server.
import type { MessageInfo, Status, StatusDetail } from "@patchcast/client";

type OnMessage = (message: unknown, info: MessageInfo) => void;
interface Options {
  protocol?: "json";
  queueLimit?: number;
  backoff?: { minMs?: number; maxMs?: number };
  onStatus?: (status: Status, detail: StatusDetail) => void;
  onError?: (error: Error) => void;
}

export class FakeConnection {
  readonly sent: unknown[] = [];
  closed = false;
  queued = 0;
  readonly send: ((message: unknown) => boolean) & { close(): void; readonly queued: number };

  constructor(
    readonly url: string,
    readonly onMessage: OnMessage,
    readonly options: Options,
  ) {
    const send = (message: unknown) => this.sent.push(message) > 0;
    const close = () => {
      this.closed = true;
    };
    this.send = Object.defineProperties(send, {
      close: { value: close },
      queued: { get: () => this.queued },
    }) as FakeConnection["send"];
  }

  status(status: Status, detail: StatusDetail = {}): void {
    this.options.onStatus?.(status, detail);
  }

  deliver(message: unknown, info: MessageInfo = { history: false }): void {
    this.onMessage(message, info);
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
