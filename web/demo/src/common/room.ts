// Which room this page is in, read from its address.

/** The room of a page that names none. */
export const LOBBY = "lobby";

/** `?room=NAME`, with what a room's name cannot contain replaced; the lobby when there is no name. */
export function roomName(search: string): string {
  const asked = new URLSearchParams(search).get("room") ?? "";
  const name = asked.replaceAll(/[^A-Za-z0-9_~.-]/g, "-").slice(0, 64);
  // Dots alone would be read as directories when the URL is resolved.
  return /^\.*$/.test(name) ? LOBBY : name;
}

/** The WebSocket URL of a room on the server that this page came from. The two apps never share a room. */
export function roomUrl(app: "gifts" | "chat", location: Pick<Location, "protocol" | "host" | "search">): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/${app}/${roomName(location.search)}`;
}

/** The address of a page in the same room, with other parameters beside it. */
export function pageUrl(page: string, search: string, extra: Readonly<Record<string, string>> = {}): string {
  const room = roomName(search);
  const query = new URLSearchParams({ ...(room !== LOBBY && { room }), ...extra }).toString();
  return query === "" ? page : `${page}?${query}`;
}
