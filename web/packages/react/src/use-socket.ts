// The lesson's hook: one WebSocket for as long as the component is mounted, and a `send` that can be used at once.
import { useEffect, useInsertionEffect, useState } from "react";
import type { MessageInfo, Patch, Status, StatusDetail } from "@patchcast/client";
import { Channel } from "./channel.js";
import { loadClient } from "./load-client.js";

/** Sends into the room. The same function for the whole life of the component, so it may be left out of dependency lists. */
export interface SocketSend<Out = readonly Patch[]> {
  /**
   * True: sent, or queued until the connection is up (also while the wasm client still loads). False: the queue
   * is full or the component is gone, which `onError` is told too. Throws a `TypeError` for what is not a message.
   */
  (message: Out): boolean;
  /**
   * Closes and connects anew; the first message is then the room's history again. For an app whose state no
   * longer fits what it hears, and for a connection that the server ended for good. Messages still queued are
   * dropped and told to `onError`.
   */
  reconnect(): void;
}

export interface SocketOptions {
  /** Messages kept while the connection is not up. Default 1000. Another value makes a new connection. */
  readonly queueLimit?: number;
  /** Bounds of the wait before reconnecting, in milliseconds. Another value makes a new connection. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number };
  /** Hears every change of the status. To render it, `useSocketStatus` is simpler. */
  readonly onStatus?: (status: Status, detail: StatusDetail) => void;
  /** A full queue, a message that is not JSON, a thrown `onMessage`. Default: `console.error`. */
  readonly onError?: (error: Error) => void;
}

export interface JsonSocketOptions extends SocketOptions {
  /** The chat's dialect: messages are any JSON value. */
  readonly protocol: "json";
}

/**
 * Connects to the room at `url`, calls `onMessage` with what the others send, and gives the `send` for one's own.
 *
 * After each connect the first message is the room's whole history (`info.history` is true): build the state from
 * it anew. Own messages do not come back, except as part of that history.
 *
 * There is one connection per mounted component, in StrictMode too. The latest `onMessage` is called, whatever it
 * was when the connection was made. Another `url` makes a new connection; unmounting closes it. Renders on a
 * server without connecting.
 */
export function useSocket(
  url: string,
  onMessage: (patches: Patch[], info: MessageInfo) => void,
  options?: SocketOptions,
): SocketSend;
export function useSocket<In, Out>(
  url: string,
  onMessage: (message: In, info: MessageInfo) => void,
  options: JsonSocketOptions,
): SocketSend<Out>;
export function useSocket(
  url: string,
  onMessage: (message: never, info: MessageInfo) => void,
  options: SocketOptions & { readonly protocol?: "json" } = {},
): SocketSend<never> {
  const [send] = useState(createSend);
  const channel = channelOf(send);
  const { protocol, queueLimit, backoff, onStatus, onError } = options;
  const minMs = backoff?.minMs;
  const maxMs = backoff?.maxMs;

  // An insertion effect: it runs before every effect that could connect or send, and in silence on a server.
  useInsertionEffect(() => {
    channel.handlers = { onMessage, onStatus, onError };
  });

  useEffect(() => {
    const bounds = { ...(minMs !== undefined && { minMs }), ...(maxMs !== undefined && { maxMs }) };
    channel.open({ url, protocol, queueLimit, backoff: minMs === undefined && maxMs === undefined ? undefined : bounds });
    return () => channel.release();
  }, [channel, url, protocol, queueLimit, minMs, maxMs]);

  return send;
}

const channels = new WeakMap<object, Channel>();

/** The channel behind a `send` of `useSocket`. */
export function channelOf(send: object): Channel {
  const channel = channels.get(send);
  if (!channel) throw new TypeError("useSocketStatus takes the send function that useSocket returned");
  return channel;
}

function createSend(): SocketSend<never> {
  const channel = new Channel(loadClient);
  const send = Object.assign((message: never) => channel.send(message), { reconnect: () => channel.reconnect() });
  channels.set(send, channel);
  return send;
}
