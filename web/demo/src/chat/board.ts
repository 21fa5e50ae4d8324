// The chat's messages as they come over the wire, and the colour of a name.

export interface ChatMessage {
  readonly user: string;
  readonly text: string;
  /** The server's time, in milliseconds since 1970. */
  readonly time: number;
}

export type NewMessage = Pick<ChatMessage, "user" | "text">;

/** The messages of a `{"msg": [...]}`, newest first. Leaves out what cannot be shown. */
export function parseBoard(message: unknown): readonly ChatMessage[] {
  const list = (message as { msg?: unknown } | null)?.msg;
  return Array.isArray(list) ? list.filter(isChatMessage) : [];
}

function isChatMessage(value: unknown): value is ChatMessage {
  const { user, text, time } = (value ?? {}) as Partial<Record<keyof ChatMessage, unknown>>;
  return typeof user === "string" && typeof text === "string" && typeof time === "number" && Math.abs(time) <= LAST_DATE;
}

/** The largest time that a `Date` can hold. */
const LAST_DATE = 8.64e15;

/** An angle on the colour wheel, on every page the same for the same name. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 3600;
  return hash % 360;
}
