// Lets a component see who else is in the room, and show something of the person at this page.
import { useEffect, useSyncExternalStore } from "react";
import { NOBODY, type Other } from "./channel.js";
import { channelOf, type SocketSend } from "./use-socket.js";

/**
 * Everybody else in the room who shows something, and what they show; renders again when that changes.
 *
 * `mine` is what they see of this page: any JSON value of at most 1024 bytes as text, a name or a place in a document
 * say. It is shown while the component is mounted, follows every render, and is gone when the page is. `null`
 * shows nothing; left out, the component only watches. A connection shows one value: let one component give it.
 *
 * Nothing of it is kept by the room. Nobody is seen while there is no connection, on a server, and in the plain dialects.
 */
export function usePresence<Value = unknown>(send: SocketSend<never>, mine?: unknown): readonly Other<Value>[] {
  const channel = channelOf(send);
  // As text, since an object that is written in the component's body is another one on each render.
  const json = mine === undefined ? undefined : JSON.stringify(mine);

  useEffect(() => {
    if (json === undefined) return;
    channel.show(JSON.parse(json));
    return () => channel.show(null);
  }, [channel, json]);

  return useSyncExternalStore(channel.subscribe, channel.others, () => NOBODY) as readonly Other<Value>[];
}
