// The gift list's store against a room in memory that keeps the rules of the server: the history at a join, and
// every message to everyone but its sender.
import type { Patch } from "@patchcast/react";
import { expect, test } from "vitest";
import { addGift, inOrder, initialState, reset, toggleReservation } from "../src/gifts/model.js";
import { GiftStore } from "../src/gifts/store.js";

const BICYCLE = "bicycle";
const KITE = "kite";
const SOCKS = { id: "socks", title: "Warm socks", emoji: "🧦", addedAt: 100 };

class Room {
  readonly log: Patch[] = [];
  readonly members = new Set<Member>();

  join(): Member {
    const member = new Member(this);
    member.connect();
    return member;
  }
}

/** A page: a store, and the socket under it, which queues while it is not connected. */
class Member {
  readonly store = new GiftStore();
  readonly sent: Patch[][] = [];
  reconnects = 0;
  full = false;
  readonly #queue: Patch[][] = [];

  constructor(readonly room: Room) {
    const send = (patches: readonly Patch[]) => {
      if (this.full) return false;
      const message = JSON.parse(JSON.stringify(patches)) as Patch[];
      this.sent.push(message);
      if (this.room.members.has(this)) this.#deliver(message);
      else this.#queue.push(message);
      return true;
    };
    const reconnect = () => {
      this.reconnects += 1;
      this.disconnect();
      this.connect();
    };
    this.store.attach(Object.assign(send, { reconnect }));
  }

  connect(): void {
    this.room.members.add(this);
    this.store.statusChanged("open");
    const history = structuredClone(this.room.log);
    for (const message of this.#queue.splice(0)) this.#deliver(message);
    this.store.receive(history, { history: true });
  }

  disconnect(): void {
    this.room.members.delete(this);
    this.store.statusChanged("reconnecting");
  }

  giver(gift: string): string | null | undefined {
    return this.store.snapshot().list.gifts[gift]?.reservedBy;
  }

  #deliver(message: Patch[]): void {
    this.room.log.push(...message);
    for (const other of this.room.members) if (other !== this) other.store.receive(message, { history: false });
  }
}

test("an_edit_is_one_message_and_is_seen_by_the_others", () => {
  const room = new Room();
  const [ada, bruno] = [room.join(), room.join()];
  ada.store.edit(toggleReservation(KITE, "ada"));
  expect(ada.sent).toEqual([[{ op: "replace", path: ["gifts", KITE, "reservedBy"], value: "ada" }]]);
  expect(bruno.giver(KITE)).toBe("ada");
  expect(bruno.store.snapshot().activity).toBe("Ada reserved “Stunt kite”.");
  expect(bruno.sent).toEqual([]);
});

test("an_edit_that_changes_nothing_is_not_sent", () => {
  const room = new Room();
  const [ada, bruno] = [room.join(), room.join()];
  ada.store.edit(toggleReservation(KITE, "ada"));
  bruno.store.edit(toggleReservation(KITE, "bruno"));
  expect(bruno.sent).toEqual([]);
  expect(bruno.giver(KITE)).toBe("ada");
});

test("a_late_joiner_sees_what_the_others_see", () => {
  const room = new Room();
  const ada = room.join();
  ada.store.edit(addGift(SOCKS));
  ada.store.edit(toggleReservation(SOCKS.id, "ada"));
  expect(room.join().store.snapshot().list).toEqual(ada.store.snapshot().list);
});

test("undo_and_redo_are_edits_that_the_others_see", () => {
  const room = new Room();
  const [ada, bruno] = [room.join(), room.join()];
  ada.store.edit(addGift(SOCKS));
  ada.store.undo();
  expect(bruno.store.snapshot().list).toEqual(initialState);
  expect(ada.store.snapshot()).toMatchObject({ canUndo: false, canRedo: true });
  ada.store.redo();
  expect(bruno.store.snapshot().list.gifts[SOCKS.id]?.title).toBe("Warm socks");
  expect(ada.store.snapshot()).toMatchObject({ canUndo: true, canRedo: false });
});

test("a_new_edit_forgets_what_could_be_redone", () => {
  const ada = new Room().join();
  ada.store.edit(addGift(SOCKS));
  ada.store.undo();
  ada.store.edit(toggleReservation(KITE, "ada"));
  expect(ada.store.snapshot().canRedo).toBe(false);
});

test("an_undo_that_no_longer_fits_is_refused_in_words_and_not_sent", () => {
  const room = new Room();
  const [ada, bruno] = [room.join(), room.join()];
  ada.store.edit(addGift(SOCKS));
  bruno.store.edit(toggleReservation(SOCKS.id, "bruno"));
  ada.store.undo();
  bruno.store.undo();
  expect(bruno.store.snapshot().notice).toMatch(/cannot be undone/);
  expect(bruno.sent).toHaveLength(1);
});

test("reset_brings_the_first_list_to_everyone_and_can_be_undone", () => {
  const room = new Room();
  const [ada, bruno] = [room.join(), room.join()];
  ada.store.edit(addGift(SOCKS));
  bruno.store.edit(reset());
  expect(ada.store.snapshot().list).toEqual(initialState);
  bruno.store.undo();
  expect(ada.store.snapshot().list.gifts).toHaveProperty(SOCKS.id);
});

test("edits_made_while_offline_survive_the_history_that_comes_before_them", () => {
  const room = new Room();
  const [ada, bruno] = [room.join(), room.join()];
  ada.disconnect();
  ada.store.edit(toggleReservation(KITE, "ada"));
  bruno.store.edit(toggleReservation(BICYCLE, "bruno"));
  ada.connect();
  for (const page of [ada, bruno, room.join()]) {
    expect([page.giver(KITE), page.giver(BICYCLE)]).toEqual(["ada", "bruno"]);
  }
  expect(room.log).toHaveLength(2);
});

test("a_history_that_comes_again_changes_nothing", () => {
  const room = new Room();
  const ada = room.join();
  ada.store.edit(addGift(SOCKS));
  const before = ada.store.snapshot().list;
  ada.disconnect();
  ada.connect();
  expect(ada.store.snapshot().list).toEqual(before);
});

test("a_patch_that_does_not_fit_is_told_and_the_list_comes_from_the_history_again", () => {
  const room = new Room();
  const [ada, bruno] = [room.join(), room.join()];
  ada.store.edit(toggleReservation(KITE, "ada"));
  const stray: Patch[] = [{ op: "replace", path: ["gifts", "nowhere", "reservedBy"], value: "freya" }];
  room.log.push(...stray);
  for (const page of [ada, bruno]) {
    page.store.receive(stray, { history: false });
    expect(page.reconnects).toBe(1);
    expect(page.store.snapshot().notice).toMatch(/did not fit/);
    expect(page.giver(KITE)).toBe("ada");
  }
  const late = room.join();
  expect(late.store.snapshot().list).toEqual(ada.store.snapshot().list);
  expect(late.reconnects).toBe(0);
});

test.each<[string, Patch]>([
  ["another app's root", { op: "replace", path: [], value: { gifts: [{ id: 1 }] } }],
  ["a null list", { op: "replace", path: [], value: null }],
  ["a gift without a title", { op: "add", path: ["gifts", "x"], value: { emoji: "🎁" } }],
  ["a gift that is an array", { op: "add", path: ["gifts", "x"], value: [] }],
  ["users taken away", { op: "remove", path: ["users"] }],
  ["a key that Immer refuses", { op: "add", path: ["__proto__", "polluted"], value: true }],
])("a_state_that_is_no_gift_list_is_never_shown: %s", (_, patch) => {
  const room = new Room();
  const ada = room.join();
  room.log.push(patch);
  ada.store.receive([patch], { history: false });
  expect(ada.store.snapshot().list).toEqual(initialState);
  expect({}).not.toHaveProperty("polluted");
});

test("an_edit_that_the_queue_has_no_place_for_is_not_shown_either", () => {
  const ada = new Room().join();
  ada.full = true;
  ada.store.edit(toggleReservation(KITE, "ada"));
  expect(ada.giver(KITE)).toBeNull();
  expect(ada.store.snapshot()).toMatchObject({ canUndo: false, notice: expect.stringMatching(/was not made/) });
});

test("gifts_stand_in_the_same_order_whatever_order_their_keys_have", () => {
  const { kite, bicycle } = initialState.gifts;
  expect(inOrder({ kite: kite!, bicycle: bicycle! }).map(([id]) => id)).toEqual(["bicycle", "kite"]);
});
