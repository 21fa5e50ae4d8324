/** One change of a state, as Immer's `produceWithPatches` makes it. */
export interface Patch {
  op: "add" | "replace" | "remove";
  path: (string | number)[];
  value?: unknown;
}

/** `reconnecting`: the connection broke or an attempt failed, and it is tried again by itself. `closed` is final. */
export type Status = "connecting" | "open" | "reconnecting" | "closed";

/** What `onMessage` is told beside the message. */
export interface MessageInfo {
  /** True for the first message after each connect and reconnect: the room's whole history, also what was received before. */
  readonly history: boolean;
}

/** Why the connection is not open. */
export interface StatusDetail {
  /** The code of the server's close frame, when there was one. */
  readonly code?: number;
  /** Why, in words, when that is known. */
  readonly reason?: string;
  /** When `reconnecting`: the milliseconds until the next attempt. */
  readonly retryInMs?: number;
}

export interface ConnectOptions {
  /** The chat dialect: `onMessage` gets any JSON value and `send` takes one. Left out: Immer patches. */
  protocol?: "json" | undefined;
  /** How many messages are kept while the connection is not open. Default 1000. */
  queueLimit?: number | undefined;
  /**
   * The wait before an attempt is drawn at random from zero to a ceiling, which doubles from `minMs` (default 500) to `maxMs`
   * (default 20000).
   */
  backoff?: { minMs?: number | undefined; maxMs?: number | undefined } | undefined;
  /** Called after each change of `send.status`; not for the `connecting` it begins with. */
  onStatus?: ((status: Status, detail: StatusDetail) => void) | undefined;
  /** Told of a message that was not sent, one that could not be read, and what your callbacks throw. Default: `console.error`. */
  onError?: ((error: Error) => void) | undefined;
}

export interface Send<Out = readonly Patch[]> {
  /**
   * True: handed to the network, or queued until the connection is open. False: not taken, because the queue is full or the
   * connection is closed.
   *
   * A message that was handed to a connection just before that broke may be lost; it is never sent twice.
   *
   * @throws TypeError for a message that the server would refuse.
   */
  (message: Out): boolean;
  /** Closes for good and drops what is queued. None of your callbacks is called any more. */
  close(): void;
  readonly status: Status;
  /** How many messages wait for the connection. */
  readonly queued: number;
  /** Calls `listener` after each change of `status`. Returns a function that takes it off again. */
  onStatus(listener: (status: Status, detail: StatusDetail) => void): () => void;
}

/**
 * Connects to a room of a Patchcast server: the URL's path is the room.
 *
 * @throws Error when the browser refuses the URL, TypeError for a wrong argument.
 */
export function connect<In = unknown, Out = unknown>(
  url: string,
  onMessage: (message: In, info: MessageInfo) => void,
  options: ConnectOptions & { protocol: "json" },
): Send<Out>;
export function connect(
  url: string,
  onMessage: (patches: Patch[], info: MessageInfo) => void,
  options?: ConnectOptions,
): Send;
