// The gift list page.
import { useCallback, useState } from "react";
import { roomUrl } from "../common/room.js";
import { Shell } from "../common/shell.js";
import { Unsaved } from "../common/unsaved.js";
import { initialUser, rememberUser } from "./current-user.js";
import { AddBookDialog, AddGiftDialog } from "./dialogs.js";
import { addGift, initialState, inOrder, reset, toggleReservation, type NewGift } from "./model.js";
import { Parcel } from "./parcel.js";
import { useGiftList } from "./use-gift-list.js";

export function GiftsApp() {
  const { list, canUndo, canRedo, activity, notice, status, unsaved, store, reconnect } = useGiftList(roomUrl("gifts", window.location));
  const [userId, setUserId] = useState(() => initialUser(Object.keys(initialState.users), sessionStorage, window.location.search, Math.random));
  const [dialog, setDialog] = useState<"gift" | "book" | null>(null);

  const user = list.users[userId];
  const gifts = inOrder(list.gifts);
  const reserved = gifts.filter(([, gift]) => gift.reservedBy !== null).length;

  const toggle = useCallback((id: string) => store.edit(toggleReservation(id, userId)), [store, userId]);
  const close = () => setDialog(null);

  const add = (gift: Pick<NewGift, "title" | "emoji" | "author">, remark = "") => {
    close();
    store.edit(addGift({ ...gift, id: newId(), addedAt: Date.now() }));
    if (remark) store.tell(remark);
  };

  const become = (id: string) => {
    rememberUser(id, sessionStorage);
    setUserId(id);
  };

  return (
    <Shell
      page="Gift list"
      status={status}
      reconnect={reconnect}
      whileOffline="What you change is kept in this browser and sent then."
      secondWindow={{ as: nextUser(Object.keys(list.users), userId) }}
    >
      <div className="intro">
        <div>
          <h1>Who brings what?</h1>
          <div className="tally">
            <p>
              <strong>{reserved}</strong> of {gifts.length} {gifts.length === 1 ? "gift has" : "gifts have"} a ribbon
            </p>
            <Unsaved count={unsaved} />
          </div>
        </div>
        <label className="who">
          <span className="avatar" aria-hidden="true">
            {user?.emoji}
          </span>
          <span>
            <span className="who-label">You are</span>
            <select value={userId} onChange={(event) => become(event.target.value)}>
              {Object.entries(list.users).map(([id, { name }]) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </span>
        </label>
      </div>

      <div className="toolbar" role="toolbar" aria-label="Edit the list">
        <button type="button" className="primary" onClick={() => setDialog("gift")}>
          Add a gift
        </button>
        <button type="button" onClick={() => setDialog("book")}>
          Add a book
        </button>
        <span className="gap" />
        <button type="button" onClick={() => store.undo()} disabled={!canUndo}>
          Undo
        </button>
        <button type="button" onClick={() => store.redo()} disabled={!canRedo}>
          Redo
        </button>
        <button type="button" onClick={() => store.edit(reset())}>
          Reset
        </button>
      </div>

      <div className="news">
        <p role="alert" className="notice">
          {notice}
        </p>
        <p aria-live="polite" className="activity">
          {activity}
        </p>
      </div>

      <ul className="parcels" aria-label="Gifts">
        {gifts.map(([id, gift]) => (
          <Parcel
            key={id}
            id={id}
            gift={gift}
            giver={gift.reservedBy === null ? undefined : list.users[gift.reservedBy]}
            isMine={gift.reservedBy === userId}
            onToggle={toggle}
          />
        ))}
      </ul>

      {dialog === "gift" && <AddGiftDialog onAdd={add} onClose={close} />}
      {dialog === "book" && <AddBookDialog onAdd={add} onClose={close} />}
    </Shell>
  );
}

/** 96 random bits. `crypto.randomUUID` is missing on pages that came over plain HTTP from another machine. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (part) => part.toString(36)).join("-");
}

/** Somebody else, so that a second window is a second person. */
function nextUser(users: readonly string[], current: string): string {
  return users[(users.indexOf(current) + 1) % users.length] ?? current;
}
