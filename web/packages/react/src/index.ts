// The package's public face: the hooks, the loader of the wasm client, and their types.
export { loadClient } from "./load-client.js";
export type { Client } from "./load-client.js";
export type { Other, SocketStatus } from "./channel.js";
export { usePresence } from "./use-presence.js";
export { useSocket } from "./use-socket.js";
export type { SocketOptions, SocketSend } from "./use-socket.js";
export { useSocketStatus, useUnsaved } from "./use-socket-status.js";
export type {
  MessageInfo,
  Patch,
  PersistOptions,
  Protocol,
  Receipt,
  ReceiptState,
  Saved,
  SendError,
  SendErrorCode,
  Status,
  StatusDetail,
} from "@patchcast/client";
