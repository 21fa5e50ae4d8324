// Binds the store to the room and to React.
import { useEffect, useState, useSyncExternalStore } from "react";
import type { Patch } from "immer";
import { useSocket, useSocketStatus, useUnsaved, type SocketStatus } from "@patchcast/react";
import { GiftStore, type Snapshot } from "./store.js";

export interface UseGiftList extends Snapshot {
  readonly store: GiftStore;
  readonly status: SocketStatus;
  /** How many edits of this page are not saved by the room yet, those from before a reload included. */
  readonly unsaved: number;
  readonly reconnect: () => void;
}

export function useGiftList(url: string): UseGiftList {
  const [store] = useState(() => new GiftStore());
  const send = useSocket<unknown, readonly Patch[]>(url, store.receive, {
    persist: "gifts",
    onReset: store.startOver,
    onStatus: store.statusChanged,
    onError: (error) => store.tell(error.message),
  });
  useEffect(() => store.attach(send), [store, send]);
  const snapshot = useSyncExternalStore(store.subscribe, store.snapshot);
  return { ...snapshot, store, status: useSocketStatus(send), unsaved: useUnsaved(send), reconnect: send.reconnect };
}
