// The small pure parts of both pages: rooms and addresses, and who one is.
import { expect, test } from "vitest";
import { rememberedName, rememberName } from "../src/chat/user-name.js";
import { initialUser } from "../src/gifts/current-user.js";
import { pageUrl, roomName, roomUrl } from "../src/common/room.js";

const USERS = ["ada", "bruno", "chiyo"];

test.each([
  ["", "lobby"],
  ["?room=", "lobby"],
  ["?room=party", "party"],
  ["?room=Ann's%20party/2", "Ann-s-party-2"],
  ["?room=..", "lobby"],
  ["?room=é😀", "---"],
  [`?room=${"x".repeat(200)}`, "x".repeat(64)],
])("the_room_of_%j_is_%j", (search, room) => {
  expect(roomName(search)).toBe(room);
});

test("the_socket_is_on_the_server_that_the_page_came_from", () => {
  expect(roomUrl("gifts", { protocol: "http:", host: "127.0.0.1:5001", search: "" })).toBe("ws://127.0.0.1:5001/gifts/lobby");
  expect(roomUrl("chat", { protocol: "https:", host: "example.org", search: "?room=a" })).toBe("wss://example.org/chat/a");
});

test("links_stay_in_the_room", () => {
  expect(pageUrl("chat.html", "?room=party&as=ada")).toBe("chat.html?room=party");
  expect(pageUrl("./", "", { as: "bruno" })).toBe("./?as=bruno");
});

test("one_is_who_one_was_in_this_tab_then_who_the_address_says_then_anybody", () => {
  const tab = storage();
  expect(initialUser(USERS, tab, "", () => 0.99)).toBe("chiyo");
  expect(initialUser(USERS, tab, "?as=bruno", () => 0)).toBe("chiyo");
  expect(initialUser(USERS, storage(), "?as=bruno", () => 0)).toBe("bruno");
  expect(initialUser(USERS, storage(), "?as=nobody", () => 0)).toBe("ada");
});

test("a_new_tab_begins_with_the_name_used_last", () => {
  const [first, second, browser] = [storage(), storage(), storage()];
  rememberName("Ada", first, browser);
  expect(rememberedName(second, browser)).toBe("Ada");
  rememberName("Bruno", second, browser);
  expect(rememberedName(first, browser)).toBe("Ada");
});

/** As much of a Storage as the pages use. */
function storage(): Storage {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
  } as Storage;
}
