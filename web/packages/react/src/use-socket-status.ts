// Lets a component show whether its socket is connected.
import { useSyncExternalStore } from "react";
import { CONNECTING, type SocketStatus } from "./channel.js";
import { channelOf, type SocketSend } from "./use-socket.js";

/**
 * The status of the connection behind a `send` of `useSocket`, with the server's close code and reason and the
 * time until the next attempt where there is one. Any component that was given `send` may call it; it renders
 * again on each change. On a server it is `connecting`.
 */
export function useSocketStatus(send: SocketSend<never>): SocketStatus {
  const channel = channelOf(send);
  return useSyncExternalStore(channel.subscribe, channel.snapshot, () => CONNECTING);
}
