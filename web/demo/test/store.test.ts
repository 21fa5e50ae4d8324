// The gift list's store against a room in memory that keeps the rules of sessions.
import type { Patch } from "@patchcast/react";
import { expect, test } from "vitest";
import { addGift, inOrder, initialState, reset, toggleReservation } from "../src/gifts/model.js";
import { GiftStore } from "../src/gifts/store.js";
import { Room, settle, TestReceipt, type Member } from "./room.js";

const BICYCLE = "bicycle";
const KITE = "kite";
const SOCKS = { id: "socks", title: "Warm socks", emoji: "🧦", addedAt: 100 };

class Page extends GiftStore {
  readonly member: Member;

  constructor(room: Room) {
    super();
    this.statusChanged("open", { protocol: "sessions" });
    this.member = room.join(this);
    this.attach(this.member.send);
  }

  get list() {
    return this.snapshot().list;
  }

  giver(gift: string): string | null | undefined {
    return this.list.gifts[gift]?.reservedBy;
  }
}

function setUp() {
  const room = new Room();
  return { room, ada: new Page(room), bruno: new Page(room) };
}

test("an_edit_is_shown_at_once_is_one_message_and_is_seen_by_the_others", async () => {
  const { room, ada, bruno } = setUp();
  ada.edit(toggleReservation(KITE, "ada"));
  expect(ada.giver(KITE)).toBe("ada");
  await settle();
  expect(room.log.map(({ message }) => message)).toEqual([[{ op: "replace", path: ["gifts", KITE, "reservedBy"], value: "ada" }]]);
  expect(bruno.giver(KITE)).toBe("ada");
  expect(bruno.snapshot().activity).toBe("Ada reserved “Stunt kite”.");
  expect(ada.snapshot().activity).toBe("");
});

test("an_edit_that_changes_nothing_is_not_sent", async () => {
  const { room, ada, bruno } = setUp();
  ada.edit(toggleReservation(KITE, "ada"));
  await settle();
  bruno.edit(toggleReservation(KITE, "bruno"));
  await settle();
  expect(room.log).toHaveLength(1);
  expect(bruno.giver(KITE)).toBe("ada");
});

test("edits_made_at_the_same_time_end_the_same_everywhere", async () => {
  const { room, ada, bruno } = setUp();
  room.held = true;
  ada.edit(toggleReservation(KITE, "ada"));
  bruno.edit(toggleReservation(KITE, "bruno"));
  ada.edit(addGift(SOCKS));
  await settle();
  expect([ada.giver(KITE), bruno.giver(KITE)]).toEqual(["ada", "bruno"]);
  room.held = false;
  room.move();
  expect(ada.giver(KITE)).toBe("bruno");
  for (const page of [bruno, new Page(room)]) expect(page.list).toEqual(ada.list);
});

test("an_own_edit_stays_on_top_of_what_comes_before_it_has_its_place", async () => {
  const { room, ada } = setUp();
  ada.member.disconnect();
  ada.edit(toggleReservation(KITE, "ada"));
  await settle();
  ada.receive([{ op: "replace", path: ["gifts", KITE, "reservedBy"], value: "freya" }], { history: false, seq: 1 });
  expect(ada.giver(KITE)).toBe("ada");
  expect(room.log).toEqual([]);
});

test("a_late_joiner_sees_what_the_others_see_and_no_news", async () => {
  const { room, ada } = setUp();
  ada.edit(addGift(SOCKS));
  ada.edit(toggleReservation(SOCKS.id, "ada"));
  await settle();
  const late = new Page(room);
  expect(late.list).toEqual(ada.list);
  expect(late.snapshot().activity).toBe("");
});

test("undo_and_redo_are_edits_that_the_others_see", async () => {
  const { ada, bruno } = setUp();
  ada.edit(addGift(SOCKS));
  ada.undo();
  await settle();
  expect(bruno.list).toEqual(initialState);
  expect(ada.snapshot()).toMatchObject({ canUndo: false, canRedo: true });
  ada.redo();
  await settle();
  expect(bruno.list.gifts[SOCKS.id]?.title).toBe("Warm socks");
  expect(ada.snapshot()).toMatchObject({ canUndo: true, canRedo: false });
});

test("a_new_edit_forgets_what_could_be_redone", () => {
  const { ada } = setUp();
  ada.edit(addGift(SOCKS));
  ada.undo();
  ada.edit(toggleReservation(KITE, "ada"));
  expect(ada.snapshot().canRedo).toBe(false);
});

test("an_undo_that_no_longer_fits_is_refused_in_words_and_not_sent", async () => {
  const { room, ada, bruno } = setUp();
  ada.edit(addGift(SOCKS));
  await settle();
  bruno.edit(toggleReservation(SOCKS.id, "bruno"));
  await settle();
  ada.undo();
  await settle();
  const before = room.log.length;
  bruno.undo();
  await settle();
  expect(bruno.snapshot().notice).toMatch(/cannot be undone/);
  expect(room.log).toHaveLength(before);
});

test("reset_brings_the_first_list_to_everyone_and_can_be_undone", async () => {
  const { ada, bruno } = setUp();
  ada.edit(addGift(SOCKS));
  await settle();
  bruno.edit(reset());
  await settle();
  expect(ada.list).toEqual(initialState);
  bruno.undo();
  await settle();
  expect(ada.list.gifts).toHaveProperty(SOCKS.id);
});

test("edits_made_while_offline_come_in_once_after_what_the_others_did", async () => {
  const { room, ada, bruno } = setUp();
  ada.member.disconnect();
  ada.edit(toggleReservation(KITE, "ada"));
  bruno.edit(toggleReservation(BICYCLE, "bruno"));
  await settle();
  ada.member.connect();
  for (const page of [ada, bruno, new Page(room)]) {
    expect([page.giver(KITE), page.giver(BICYCLE)]).toEqual(["ada", "bruno"]);
  }
  expect(room.log).toHaveLength(2);
});

test("starting_over_loses_and_doubles_neither_what_was_placed_nor_what_waits", async () => {
  const { room, ada, bruno } = setUp();
  ada.edit(addGift(SOCKS));
  await settle();
  room.held = true;
  ada.edit(toggleReservation(KITE, "ada"));
  await settle();
  ada.member.reset();
  expect([ada.giver(KITE), ada.giver(SOCKS.id)]).toEqual(["ada", null]);
  room.held = false;
  room.move();
  for (const page of [ada, bruno]) expect([page.giver(KITE), page.giver(SOCKS.id)]).toEqual(["ada", null]);
  // Each is in the state once: what was done can be undone to the last.
  ada.undo();
  ada.undo();
  await settle();
  expect(ada.list).toEqual(initialState);
});

test("an_edit_from_before_a_reload_comes_back_as_a_message_and_is_no_news", () => {
  const { ada } = setUp();
  ada.receive([{ op: "replace", path: ["gifts", KITE, "reservedBy"], value: "ada" }], { history: false, seq: 1, own: true });
  expect(ada.giver(KITE)).toBe("ada");
  expect(ada.snapshot().activity).toBe("");
});

test("patches_that_do_not_fit_are_left_out_by_every_page_alike", () => {
  const { room, ada, bruno } = setUp();
  room.hear([
    { op: "replace", path: ["gifts", "nowhere", "reservedBy"], value: "freya" },
    { op: "replace", path: ["gifts", KITE, "reservedBy"], value: "freya" },
  ]);
  for (const page of [ada, bruno, new Page(room)]) expect(page.giver(KITE)).toBe("freya");
});

test.each<[string, unknown]>([
  ["another app's root", [{ op: "replace", path: [], value: { gifts: [{ id: 1 }] } }]],
  ["a null list", [{ op: "replace", path: [], value: null }]],
  ["a gift without a title", [{ op: "add", path: ["gifts", "x"], value: { emoji: "🎁" } }]],
  ["a gift that is an array", [{ op: "add", path: ["gifts", "x"], value: [] }]],
  ["users taken away", [{ op: "remove", path: ["users"] }]],
  ["a key that Immer refuses", [{ op: "add", path: ["__proto__", "polluted"], value: true }]],
  ["patches that are none", [null, 1, "x", { op: "test", path: [] }, { op: "add" }]],
  ["something else", { user: "Ada", text: "hello" }],
  ["null", null],
])("a_message_that_leaves_no_gift_list_is_left_out: %s", (_, message) => {
  const { room, ada } = setUp();
  room.hear(message);
  expect(ada.list).toEqual(initialState);
  expect({}).not.toHaveProperty("polluted");
});

test("a_refused_edit_is_not_shown_and_told_in_words", () => {
  const store = new GiftStore();
  store.attach(() => new TestReceipt().refuse("queue_full", "the queue is full"));
  store.edit(toggleReservation(KITE, "ada"));
  expect(store.snapshot()).toMatchObject({ list: initialState, canUndo: false, notice: "That edit was not made: the queue is full." });
});

test("an_edit_that_is_refused_later_is_taken_back", () => {
  const store = new GiftStore();
  const receipt = new TestReceipt();
  store.attach(() => receipt);
  store.edit(toggleReservation(KITE, "ada"));
  expect(store.snapshot().list.gifts[KITE]?.reservedBy).toBe("ada");
  receipt.refuse("too_large", "too large");
  expect(store.snapshot()).toMatchObject({ list: initialState, notice: expect.stringContaining("too large") });
});

test("in_the_plain_dialect_the_history_of_each_connect_comes_below_what_was_sent_since", () => {
  const reserve: Patch[] = [{ op: "replace", path: ["gifts", KITE, "reservedBy"], value: "freya" }];
  const store = new GiftStore();
  const receipts: TestReceipt[] = [];
  store.attach(() => receipts[receipts.push(new TestReceipt()) - 1]!);
  const join = (history: Patch[]) => {
    store.statusChanged("open", { protocol: "patches" });
    for (const receipt of receipts) if (receipt.state === "queued") receipt.becomes("sent");
    if (history !== reserve) store.startOver();
    store.receive(history, { history: true });
  };
  store.edit(addGift(SOCKS));
  join(reserve);
  const expected = store.snapshot().list;
  expect([expected.gifts[KITE]?.reservedBy, expected.gifts[SOCKS.id]?.title]).toEqual(["freya", "Warm socks"]);
  store.statusChanged("reconnecting", {});
  store.edit(toggleReservation(BICYCLE, "ada"));
  join([...reserve, { op: "add", path: ["gifts", SOCKS.id], value: expected.gifts[SOCKS.id] }]);
  const after = store.snapshot().list;
  expect(after.gifts[BICYCLE]?.reservedBy).toBe("ada");
  expect(Object.keys(after.gifts)).toHaveLength(Object.keys(initialState.gifts).length + 1);
});

test("thousands_of_messages_in_one_turn_are_shown_once", async () => {
  const { room, ada } = setUp();
  let told = 0;
  ada.subscribe(() => (told += 1));
  for (let n = 0; n < 1000; n++) room.hear([{ op: "replace", path: ["gifts", KITE, "title"], value: `Kite ${n}` }]);
  await settle();
  expect(told).toBe(1);
  expect(ada.list.gifts[KITE]?.title).toBe("Kite 999");
});

test("gifts_stand_in_the_same_order_whatever_order_their_keys_have", () => {
  const { kite, bicycle } = initialState.gifts;
  expect(inOrder({ kite: kite!, bicycle: bicycle! }).map(([id]) => id)).toEqual(["bicycle", "kite"]);
});
