// Lets a component show how its socket is doing: whether it is connected, and what it has not saved yet.
import { useSyncExternalStore } from "react";
import { CONNECTING, type SocketStatus } from "./channel.js";
import { channelOf, type SocketSend } from "./use-socket.js";

/**
 * The status of the connection behind a `send` of `useSocket`: with the protocol that it speaks, the server's close code
 * and reason, and the time until the next attempt, where there is one. Any component that was given `send` may call it;
 * it renders again on each change. On a server it is `connecting`.
 */
export function useSocketStatus(send: SocketSend<never>): SocketStatus {
  const channel = channelOf(send);
  return useSyncExternalStore(channel.subscribe, channel.status, () => CONNECTING);
}

/**
 * How many of one's own messages are not saved yet: those that wait, those that are on their way, and those that
 * `persist` has kept from before a reload. In the plain dialects only the waiting ones are known.
 */
export function useUnsaved(send: SocketSend<never>): number {
  const channel = channelOf(send);
  return useSyncExternalStore(channel.subscribe, channel.unsaved, () => 0);
}
