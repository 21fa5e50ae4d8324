// The package's public face: the hooks, the loader of the wasm client, and their types.
export { loadClient } from "./load-client.js";
export type { Client } from "./load-client.js";
export type { SocketStatus } from "./channel.js";
export { useSocket } from "./use-socket.js";
export type { JsonSocketOptions, SocketOptions, SocketSend } from "./use-socket.js";
export { useSocketStatus } from "./use-socket-status.js";
export type { MessageInfo, Patch, Status, StatusDetail } from "@patchcast/client";
