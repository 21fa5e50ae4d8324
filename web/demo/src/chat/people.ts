// Who is in the room: what this page shows of the person at it, and what it makes of what the others show.
import type { Other } from "@patchcast/react";

export const NAME_LIMIT = 40;

export interface Person {
  readonly name: string;
  readonly typing: boolean;
}

/** Whoever has given no name, or something that is none. */
const NAMELESS = "Somebody";

/** Anyone may show anything, so what is no name is not shown, and nothing that is too long. */
export function parsePerson(value: unknown): Person {
  const { name, typing } = (value ?? {}) as Partial<Record<keyof Person, unknown>>;
  const known = typeof name === "string" ? [...name.trim()].slice(0, NAME_LIMIT).join("") : "";
  return { name: known || NAMELESS, typing: typing === true };
}

/** The others by name, those without one at the end; whoever has several pages open is there several times. */
export function inOrder(others: readonly Other[]): Array<Person & { readonly client: string }> {
  return others
    .map(({ client, value }) => ({ client, ...parsePerson(value) }))
    .sort((a, b) => Number(a.name === NAMELESS) - Number(b.name === NAMELESS) || a.name.localeCompare(b.name) || (a.client < b.client ? -1 : 1));
}

/** One sentence about who is writing; empty when nobody is. */
export function whoIsTyping(people: readonly Person[]): string {
  const names = [...new Set(people.filter(({ typing }) => typing).map(({ name }) => name))];
  switch (names.length) {
    case 0:
      return "";
    case 1:
      return `${names[0]} is writing…`;
    case 2:
      return `${names[0]} and ${names[1]} are writing…`;
    default:
      return `${names[0]}, ${names[1]} and ${names.length - 2} more are writing…`;
  }
}

/** An angle on the colour wheel, on every page the same for the same name. */
export function hueOf(name: string): number {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 3600;
  return hash % 360;
}
