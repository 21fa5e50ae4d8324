// Shows who is in the room, oneself first.
import type { CSSProperties } from "react";
import { hueOf, type Person } from "./people.js";

/** A crowd is counted rather than shown. */
const SHOWN = 11;

export interface PeopleListProps {
  /** Empty while the person at this page has given no name. */
  readonly me: string;
  readonly others: ReadonlyArray<Person & { readonly client: string }>;
}

export function PeopleList({ me, others }: PeopleListProps) {
  const more = others.length - SHOWN;
  return (
    <ul className="people" aria-label="Who is here">
      <Face name={me || "You"} note={me && "you"} />
      {others.slice(0, SHOWN).map(({ client, name, typing }) => (
        <Face key={client} name={name} typing={typing} />
      ))}
      {more > 0 && <li className="more">and {more} more</li>}
    </ul>
  );
}

function Face({ name, note = "", typing = false }: { readonly name: string; readonly note?: string; readonly typing?: boolean }) {
  return (
    <li className="person" data-typing={typing}>
      <Initial name={name} />
      <span className="person-name">{name}</span>
      {note && <span className="note">{note}</span>}
    </li>
  );
}

/** The first letter of a name, in its colour. */
export function Initial({ name }: { readonly name: string }) {
  return (
    <span className="initial" aria-hidden="true" style={{ "--hue": hueOf(name) } as CSSProperties}>
      {[...name][0]?.toUpperCase()}
    </span>
  );
}
