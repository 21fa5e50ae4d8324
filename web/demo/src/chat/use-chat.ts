// Binds the board and the people to the room and to React.
import { useState, useSyncExternalStore } from "react";
import { usePresence, useSocket, useSocketStatus, type SocketStatus } from "@patchcast/react";
import { Board, type ChatMessage, type NewMessage } from "./board.js";
import { inOrder, type Person } from "./people.js";

export interface UseChat {
  /** Newest first. */
  readonly messages: readonly ChatMessage[];
  readonly others: ReturnType<typeof inOrder>;
  readonly status: SocketStatus;
  readonly say: (message: NewMessage) => void;
  readonly reconnect: () => void;
}

export function useChat(url: string, me: Person, onError: (error: Error) => void): UseChat {
  const [board] = useState(() => new Board());
  const send = useSocket<unknown, NewMessage>(url, board.receive, {
    onReset: board.startOver,
    onStatus: board.statusChanged,
    onError,
  });
  const others = usePresence(send, me);
  return {
    messages: useSyncExternalStore(board.subscribe, board.snapshot),
    others: inOrder(others),
    status: useSocketStatus(send),
    say: (message) => board.say(message, send(message)),
    reconnect: send.reconnect,
  };
}
