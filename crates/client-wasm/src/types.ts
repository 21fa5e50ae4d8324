/** One change of a state, as Immer's `produceWithPatches` makes it. */
export interface Patch {
  op: "add" | "replace" | "remove";
  path: (string | number)[];
  value?: unknown;
}

/**
 * `open`: everything that the room held has come, and messages flow. `reconnecting`: the connection broke or an attempt failed,
 * and it is tried again by itself. `closed` is final.
 */
export type Status = "connecting" | "open" | "reconnecting" | "closed";

/** How the connection speaks to the room. `sessions` lose and double nothing; the others are the plain dialects. */
export type Protocol = "sessions" | "patches" | "json";

/** What `onMessage` is told beside the message. The plain dialects know `history` only. */
export interface MessageInfo {
  /**
   * True for what was in the room before this connection joined: after the first connect everything, after a reconnect what was
   * missed. In the plain dialects true for the first message after each connect, which is the room's whole history, also
   * what was received before.
   */
  readonly history: boolean;
  /** The number of the message in its room: 1 for the first, and none is left out. */
  readonly seq?: number;
  /** When the server accepted it, in milliseconds since 1970 by the server's clock. Messages are ordered by `seq`, not by this. */
  readonly time?: number;
  /** Who wrote it: compare it with `send.client`. */
  readonly client?: string;
  /** True for a message of this client that comes back, because it was sent in an earlier life of it: before a reload, say. */
  readonly own?: boolean;
}

/**
 * `queued`: waits for the connection. `sent`: handed to the network. `ordered`: it has its place in the room. `durable`: that, and
 * it outlives a power cut of the server. `rejected`: it is not in the room and never will be by itself.
 *
 * The last is `durable` where the server syncs its disk (its default), else `ordered`, and in the plain dialects `sent`.
 */
export type ReceiptState = "queued" | "sent" | "ordered" | "durable" | "rejected";

/** What a message outlives: a power cut of the server, a crash of its process, or neither. The plain dialects do not tell. */
export type Durability = "fsync" | "os" | "memory" | "unknown";

/** Where a message was saved. */
export interface Saved {
  /** Its number in the room; not in the plain dialects. */
  readonly seq?: number;
  /** When the server accepted it, in milliseconds since 1970 by the server's clock; not in the plain dialects. */
  readonly time?: number;
  readonly durability: Durability;
}

/**
 * Why a message was not taken. `queue_full`: as many wait as `queueLimit` allows. `closed`: the connection was closed before
 * it was acknowledged. `too_large`: above what the server takes. The others are the server's: `bad_data` it does not take, and
 * `id_reused` or `id_passed` when another page has spoken with the same secret.
 */
export type SendErrorCode = "queue_full" | "closed" | "too_large" | "bad_data" | "id_reused" | "id_passed";

export interface SendError extends Error {
  readonly code: SendErrorCode;
}

/**
 * What became of a message. Ignoring it costs nothing. `await` it to go on when the message is saved; a rejected one throws
 * a {@link SendError} then, and only then.
 */
export interface Receipt extends PromiseLike<Saved> {
  readonly state: ReceiptState;
  /** The client's number for the message, from when the connection knows it; not in the plain dialects. */
  readonly id: number | undefined;
  /** The message's number in the room, once it has one. */
  readonly seq: number | undefined;
  /** Why it is `rejected`. */
  readonly error: SendError | undefined;
  /** Calls `listener` after each change of `state`. Returns a function that takes it off again. */
  onChange(listener: (receipt: Receipt) => void): () => void;
}

/** Who else is in the room. In the plain dialects nobody is ever seen. */
export interface Presence {
  /**
   * Shows `value`, a small JSON value (at most 1024 bytes as text), to the others for as long as this connection lives, across
   * reconnects too. `null` takes it away.
   *
   * @throws TypeError for a value that the server would refuse.
   */
  set(value: unknown): void;
  /** What the others show, by their client ids; empty while there is no connection. A new map after each change. */
  readonly others: ReadonlyMap<string, unknown>;
  /** Calls `listener` after each change of `others`. Returns a function that takes it off again. */
  onChange(listener: () => void): () => void;
}

/** Why the connection is not open, and how it speaks. */
export interface StatusDetail {
  /** The code of the server's close frame, when there was one. */
  readonly code?: number;
  /** Why, in words, when that is known. */
  readonly reason?: string;
  /** When `reconnecting`: the milliseconds until the next attempt. */
  readonly retryInMs?: number;
  /** When `open`: what is spoken. `patches` without having asked for it: the server does not speak sessions. */
  readonly protocol?: Protocol;
}

export interface PersistOptions {
  /** Under this name, and the room's URL, the browser keeps what is not acknowledged yet. */
  name: string;
  /**
   * Where messages begin after a reload. `start` (the default): with the room's first. `position`: after the last that was
   * received, for an app that keeps what it made of them.
   */
  from?: "start" | "position" | undefined;
}

export interface ConnectOptions {
  /**
   * `patches`: Immer patches, and nothing else, to a server that need not be Patchcast. `json`: the chat. Left out: sessions,
   * and `patches` where the server does not speak sessions, which `StatusDetail.protocol` tells.
   */
  protocol?: "patches" | "json" | undefined;
  /** How many messages may wait to be acknowledged; in the plain dialects, for the connection to open. Default 1000. */
  queueLimit?: number | undefined;
  /**
   * The wait before an attempt is drawn at random from zero to a ceiling, which doubles from `minMs` (default 500) to `maxMs`
   * (default 20000).
   */
  backoff?: { minMs?: number | undefined; maxMs?: number | undefined } | undefined;
  /**
   * Keeps what is not acknowledged yet in IndexedDB, so that a reload or a crash loses nothing: the next connection with the
   * same name and URL sends it. Each tab has its own share; what a closed tab left behind, another sends. Only for sessions.
   */
  persist?: string | PersistOptions | undefined;
  /** Called after each change of `send.status`; not for the `connecting` it begins with. */
  onStatus?: ((status: Status, detail: StatusDetail) => void) | undefined;
  /**
   * Told to forget all messages that came so far: everything comes again, from the start. In sessions when the room's log was lost
   * or replaced; in the plain dialects after each reconnect, before its first message.
   */
  onReset?: ((reason: string) => void) | undefined;
  /** Told of a message that was not sent, one that could not be read, and what your callbacks throw. Default: `console.error`. */
  onError?: ((error: Error) => void) | undefined;
}

export interface Send<Out = unknown> {
  /**
   * Queues `message` and sends it as soon as the connection is open; the receipt tells what becomes of it. In sessions it is in
   * the room exactly once then, whatever happens to connections. In the plain dialects one that was handed to a
   * connection just before that broke may be lost; it is never sent twice.
   *
   * @throws TypeError for a message that the server would refuse.
   */
  (message: Out): Receipt;
  /**
   * Closes for good and drops what is queued, except for what `persist` keeps. None of your callbacks is called any more;
   * receipts that wait are rejected.
   */
  close(): void;
  readonly status: Status;
  /** How many messages are not acknowledged yet; in the plain dialects, not handed to the network. */
  readonly queued: number;
  /** This client's id in the room, from the first time that the connection is open; not in the plain dialects. */
  readonly client: string | undefined;
  readonly presence: Presence;
  /** Calls `listener` after each change of `status`. Returns a function that takes it off again. */
  onStatus(listener: (status: Status, detail: StatusDetail) => void): () => void;
}

/**
 * Connects to a room of a Patchcast server: the URL's path is the room.
 *
 * `onMessage` gets every message of the others once, in one order for all, and never what `send` of the same connection took.
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
  options: ConnectOptions & { protocol: "patches" },
): Send<readonly Patch[]>;
export function connect<In = unknown, Out = In>(
  url: string,
  onMessage: (message: In, info: MessageInfo) => void,
  options?: ConnectOptions & { protocol?: undefined },
): Send<Out>;
