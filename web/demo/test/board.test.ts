// The chat's board against a room in memory that keeps the rules of sessions, and the list of people.
import { expect, test } from "vitest";
import { Board, BOARD_LIMIT } from "../src/chat/board.js";
import { hueOf, inOrder, parsePerson, whoIsTyping } from "../src/chat/people.js";
import { Room, settle, TestReceipt, timeOf, type Member } from "./room.js";

class Page extends Board {
  readonly member: Member;

  constructor(room: Room) {
    super();
    this.statusChanged("open", { protocol: "sessions" });
    this.member = room.join(this);
  }

  speak(text: string): void {
    const message = { user: "Ada", text };
    this.say(message, this.member.send(message));
  }

  get texts(): string[] {
    return this.snapshot().map(({ text }) => text);
  }
}

test("what_one_says_stands_there_at_once_and_is_saved_with_the_servers_time_under_the_same_key", async () => {
  const room = new Room();
  const ada = new Page(room);
  ada.speak("hello");
  const [before] = ada.snapshot();
  expect(before).toMatchObject({ text: "hello", saved: false, own: true, time: undefined });
  await settle();
  expect(ada.snapshot()).toEqual([{ ...before, saved: true, time: timeOf(1) }]);
  expect(new Page(room).snapshot()).toMatchObject([{ text: "hello", saved: true, own: false, time: timeOf(1) }]);
});

test("every_page_ends_with_the_rooms_order", async () => {
  const room = new Room();
  const [ada, bruno] = [new Page(room), new Page(room)];
  room.held = true;
  bruno.speak("second");
  ada.speak("first");
  await settle();
  expect([ada.texts, bruno.texts]).toEqual([["first"], ["second"]]);
  room.held = false;
  room.move();
  for (const page of [ada, bruno, new Page(room)]) expect(page.texts).toEqual(["second", "first"]);
});

test("what_waits_stands_above_what_comes_meanwhile_and_takes_its_place_when_it_is_saved", async () => {
  const room = new Room();
  const [ada, bruno] = [new Page(room), new Page(room)];
  ada.member.disconnect();
  ada.speak("offline");
  bruno.speak("meanwhile");
  await settle();
  ada.member.connect();
  bruno.speak("later");
  await settle();
  for (const page of [ada, bruno]) expect(page.texts).toEqual(["later", "offline", "meanwhile"]);
});

test("starting_over_shows_every_message_once", async () => {
  const room = new Room();
  const ada = new Page(room);
  ada.speak("placed");
  await settle();
  room.held = true;
  ada.speak("waits");
  await settle();
  ada.member.reset();
  room.held = false;
  room.move();
  expect(ada.texts).toEqual(["waits", "placed"]);
});

test("a_refused_message_stays_with_its_reason", () => {
  const board = new Board();
  board.say({ user: "Ada", text: "hello" }, new TestReceipt().refuse("too_large", "too large"));
  expect(board.snapshot()).toMatchObject([{ text: "hello", saved: false, refusal: "too large" }]);
});

test("the_newest_fifty_are_shown", () => {
  const room = new Room();
  const page = new Page(room);
  for (let n = 1; n <= BOARD_LIMIT + 5; n++) room.hear({ user: "Ada", text: `${n}` });
  page.speak("mine");
  expect(page.texts).toHaveLength(BOARD_LIMIT);
  expect(page.texts.slice(0, 2)).toEqual(["mine", `${BOARD_LIMIT + 5}`]);
});

test("what_is_no_message_is_left_out", () => {
  const room = new Room();
  const page = new Page(room);
  for (const stranger of [null, 1, "text", [], { user: 1, text: "x" }, { user: "x" }]) room.hear(stranger);
  room.hear({ user: "Ada", text: "hi", time: "forged", saved: false });
  expect(page.snapshot()).toEqual([{ key: "room-7", user: "Ada", text: "hi", time: timeOf(7), own: false, saved: true }]);
});

test("a_person_is_what_can_be_shown_of_what_a_page_says", () => {
  expect(parsePerson({ name: " Ada ", typing: true })).toEqual({ name: "Ada", typing: true });
  for (const value of [null, 1, {}, { name: 1 }, { name: "  " }]) expect(parsePerson(value)).toEqual({ name: "Somebody", typing: false });
  expect(parsePerson({ name: "x".repeat(500) }).name).toHaveLength(40);
});

test("people_stand_by_name_and_whoever_has_none_at_the_end", () => {
  const others = [
    { client: "1", value: {} },
    { client: "2", value: { name: "Bruno" } },
    { client: "4", value: { name: "Ada" } },
    { client: "3", value: { name: "Ada" } },
  ];
  expect(inOrder(others).map(({ client, name }) => [client, name])).toEqual([
    ["3", "Ada"],
    ["4", "Ada"],
    ["2", "Bruno"],
    ["1", "Somebody"],
  ]);
});

test.each([
  [[], ""],
  [["Ada"], "Ada is writing…"],
  [["Ada", "Ada"], "Ada is writing…"],
  [["Ada", "Bruno"], "Ada and Bruno are writing…"],
  [["Ada", "Bruno", "Chiyo", "Dalia"], "Ada, Bruno and 2 more are writing…"],
])("of %j it says %j", (names, sentence) => {
  const people = names.map((name) => ({ name, typing: true }));
  expect(whoIsTyping([...people, { name: "Silent", typing: false }])).toBe(sentence);
});

test("a_name_has_one_colour", () => {
  expect(hueOf("Ada")).toBe(hueOf("Ada"));
  expect(hueOf("Ada")).not.toBe(hueOf("Bruno"));
});
