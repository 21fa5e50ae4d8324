// The shared state, what a person can do to it, and the check that what came over the wire still is such a state.

export interface User {
  readonly name: string;
  readonly emoji: string;
  /** An angle on the colour wheel: the colour of this person's ribbon. */
  readonly hue: number;
}

export interface Gift {
  readonly title: string;
  readonly emoji: string;
  /** Which wrapping paper, by its number. */
  readonly paper: number;
  /** Milliseconds since 1970; gifts stand in the order in which they were added. */
  readonly addedAt: number;
  /** Who gives it: the key of a user. */
  readonly reservedBy: string | null;
  /** The author, for a book. */
  readonly author?: string;
}

/**
 * Users and gifts are kept by key, not in arrays: a patch then names the gift itself instead of a position that
 * shifts when somebody else adds or removes one. Who sits at this page is not part of it.
 */
export interface GiftList {
  readonly users: Readonly<Record<string, User>>;
  readonly gifts: Readonly<Record<string, Gift>>;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] extends object ? Draft<T[K]> : T[K] };
export type GiftListDraft = Draft<GiftList>;
export type Recipe = (draft: GiftListDraft) => void;

export const PAPERS = 6;

export const initialState: GiftList = {
  users: {
    ada: { name: "Ada", emoji: "🦊", hue: 18 },
    bruno: { name: "Bruno", emoji: "🐻", hue: 45 },
    chiyo: { name: "Chiyo", emoji: "🐼", hue: 150 },
    dalia: { name: "Dalia", emoji: "🦉", hue: 200 },
    emeka: { name: "Emeka", emoji: "🦁", hue: 245 },
    freya: { name: "Freya", emoji: "🐙", hue: 330 },
  },
  gifts: {
    bicycle: { title: "A bicycle with a basket", emoji: "🚲", paper: 0, addedAt: 1, reservedBy: null },
    telescope: { title: "Telescope for the balcony", emoji: "🔭", paper: 1, addedAt: 2, reservedBy: null },
    "moka-pot": { title: "Moka pot and good beans", emoji: "☕️", paper: 2, addedAt: 3, reservedBy: null },
    banjo: { title: "A banjo, any colour", emoji: "🪕", paper: 3, addedAt: 4, reservedBy: null },
    monstera: { title: "A monstera that survives us", emoji: "🪴", paper: 4, addedAt: 5, reservedBy: null },
    kite: { title: "Stunt kite", emoji: "🪁", paper: 5, addedAt: 6, reservedBy: null },
  },
};

/** What a gift that somebody adds can look like. */
export const PICTURES = ["🎁", "🎧", "🧩", "📷", "🧶", "🛼", "🎨", "🍯", "🕯️", "🎲", "⛺", "🧦"] as const;

export interface NewGift {
  readonly id: string;
  readonly title: string;
  readonly emoji: string;
  readonly addedAt: number;
  readonly author?: string;
}

/** Reserves a free gift and frees one's own; does nothing to somebody else's. */
export function toggleReservation(giftId: string, userId: string): Recipe {
  return (draft) => {
    const gift = draft.gifts[giftId];
    if (!gift) return;
    if (gift.reservedBy === null) gift.reservedBy = userId;
    else if (gift.reservedBy === userId) gift.reservedBy = null;
  };
}

export function addGift({ id, ...gift }: NewGift): Recipe {
  return (draft) => {
    draft.gifts[id] = { ...gift, paper: Object.keys(draft.gifts).length % PAPERS, reservedBy: null };
  };
}

/** Back to the first list. An edit like any other: everyone sees it, and it can be undone. */
export function reset(): Recipe {
  return (draft) => {
    Object.assign(draft, initialState);
  };
}

/** The gifts in the order in which they are shown, on every page the same. */
export function inOrder(gifts: GiftList["gifts"]): Array<readonly [id: string, gift: Gift]> {
  return Object.entries(gifts).sort(([idA, a], [idB, b]) => a.addedAt - b.addedAt || (idA < idB ? -1 : 1));
}

/** Whether this can be shown. Anyone may send any patch into a room, so every state that comes of one is checked. */
export function isGiftList(value: unknown): value is GiftList {
  return isRecord(value) && isRecordOf(value["users"], isUser) && isRecordOf(value["gifts"], isGift);
}

function isUser(value: unknown): boolean {
  return isRecord(value) && typeof value["name"] === "string" && typeof value["emoji"] === "string" && typeof value["hue"] === "number";
}

function isGift(value: unknown): boolean {
  return (
    isRecord(value) &&
    typeof value["title"] === "string" &&
    typeof value["emoji"] === "string" &&
    typeof value["paper"] === "number" &&
    typeof value["addedAt"] === "number" &&
    (value["reservedBy"] === null || typeof value["reservedBy"] === "string") &&
    (value["author"] === undefined || typeof value["author"] === "string")
  );
}

function isRecordOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return isRecord(value) && Object.values(value).every(isItem);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
