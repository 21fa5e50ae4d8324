// The lesson's hook: one WebSocket for as long as the component is mounted, and a `send` that can be used at once.
import { useEffect, useInsertionEffect, useState } from "react";
import type { MessageInfo, Patch, PersistOptions, Receipt, Status, StatusDetail } from "@patchcast/client";
import { Channel } from "./channel.js";
import { loadClient } from "./load-client.js";

/** Sends into the room. The same function for the whole life of the component, so it may be left out of dependency lists. */
export interface SocketSend<Out = readonly Patch[]> {
  /**
   * Queues the message, also while the wasm client still loads, and sends it as soon as it can; the receipt tells what
   * becomes of it. One that is refused, because the queue is full or the component is gone, is told to `onError` too.
   *
   * Throws a `TypeError` for what is not a message.
   */
  (message: Out): Receipt;
  /**
   * Closes and connects anew; after an `onReset` everything comes again that the room holds. For an app whose state no
   * longer fits what it hears, and for a connection that the server ended for good. Messages that are not saved yet are
   * dropped and told to `onError`, unless `persist` keeps them.
   */
  reconnect(): void;
}

export interface SocketOptions {
  /**
   * Left out: sessions, in which nothing is lost or doubled; and `patches` where the server does not speak them.
   * `patches`: the plain dialect of the Immer lesson. `json`: that of the chat lesson.
   */
  readonly protocol?: "patches" | "json" | undefined;
  /** Messages that may wait to be acknowledged. Default 1000. Another value makes a new connection. */
  readonly queueLimit?: number | undefined;
  /** Bounds of the wait before reconnecting, in milliseconds. Another value makes a new connection. */
  readonly backoff?: { readonly minMs?: number; readonly maxMs?: number } | undefined;
  /**
   * A name under which the browser keeps what is not saved yet, so that a reload or a crash loses nothing. Another one makes a
   * new connection. Only for sessions.
   */
  readonly persist?: string | Readonly<PersistOptions> | undefined;
  /** Forget every message that came so far, and go back to the initial state: everything comes again. */
  readonly onReset?: ((reason: string) => void) | undefined;
  /** Hears every change of the status. To render it, `useSocketStatus` is simpler. */
  readonly onStatus?: ((status: Status, detail: StatusDetail) => void) | undefined;
  /** A refused message, one that cannot be read, a thrown `onMessage`. Default: `console.error`. */
  readonly onError?: ((error: Error) => void) | undefined;
}

/**
 * Connects to the room at `url`, calls `onMessage` with what the others send, and gives the `send` for one's own.
 *
 * Every message comes once, in the same order for everyone: first what the room holds already, then each new one, and
 * after an interruption exactly what was missed. Own messages do not come back, except those that this page sent before
 * it was reloaded (`info.own`). `onReset` tells to start over from the initial state.
 *
 * There is one connection per mounted component, in StrictMode too. The latest callbacks are called, whatever they
 * were when the connection was made. Another `url` makes a new connection; unmounting closes it. Renders on a
 * server without connecting.
 */
export function useSocket(
  url: string,
  onMessage: (patches: Patch[], info: MessageInfo) => void,
  options?: SocketOptions & { readonly protocol?: "patches" | undefined },
): SocketSend;
export function useSocket<In, Out = In>(
  url: string,
  onMessage: (message: In, info: MessageInfo) => void,
  options?: SocketOptions & { readonly protocol?: "json" | undefined },
): SocketSend<Out>;
export function useSocket(url: string, onMessage: (message: never, info: MessageInfo) => void, options: SocketOptions = {}): SocketSend<never> {
  const [send] = useState(createSend);
  const channel = channelOf(send);
  const { protocol, queueLimit, backoff, persist, onReset, onStatus, onError } = options;
  const { minMs, maxMs } = backoff ?? {};
  const { name, from } = typeof persist === "string" ? { name: persist } : (persist ?? {});

  // An insertion effect: it runs before every effect that could connect or send, and in silence on a server.
  useInsertionEffect(() => {
    channel.handlers = { onMessage, onReset, onStatus, onError };
  });

  useEffect(() => {
    const bounds = { ...(minMs !== undefined && { minMs }), ...(maxMs !== undefined && { maxMs }) };
    channel.open({
      url,
      protocol,
      queueLimit,
      backoff: minMs === undefined && maxMs === undefined ? undefined : bounds,
      persist: name === undefined ? undefined : { name, from },
    });
    return () => channel.release();
  }, [channel, url, protocol, queueLimit, minMs, maxMs, name, from]);

  return send;
}

const channels = new WeakMap<object, Channel>();

/** The channel behind a `send` of `useSocket`. */
export function channelOf(send: object): Channel {
  const channel = channels.get(send);
  if (!channel) throw new TypeError("this takes the send function that useSocket returned");
  return channel;
}

function createSend(): SocketSend<never> {
  const channel = new Channel(loadClient);
  const send = Object.assign((message: never) => channel.send(message), { reconnect: () => channel.reconnect() });
  channels.set(send, channel);
  return send;
}
