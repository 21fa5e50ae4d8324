// Binds the store to the room and to React.
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { useSocket, useSocketStatus, type SocketStatus } from "@patchcast/react";
import { GiftStore, type Snapshot } from "./store.js";

export interface UseGiftList extends Snapshot {
  readonly store: GiftStore;
  readonly status: SocketStatus;
  readonly reconnect: () => void;
}

export function useGiftList(url: string): UseGiftList {
  const [store] = useState(() => new GiftStore());
  const onError = useCallback((error: Error) => store.tell(error.message), [store]);
  const send = useSocket(url, store.receive, { onStatus: store.statusChanged, onError });
  useEffect(() => store.attach(send), [store, send]);
  const snapshot = useSyncExternalStore(store.subscribe, store.snapshot);
  return { ...snapshot, store, status: useSocketStatus(send), reconnect: send.reconnect };
}
