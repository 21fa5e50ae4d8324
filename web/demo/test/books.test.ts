// Looking a book up by its ISBN, with and without Open Library.
import { expect, test } from "vitest";
import { lookUpBook, parseIsbn, SAMPLE } from "../src/gifts/books.js";

const HOBBIT = "9780547928227";
const UNKNOWN = "9780000000002";

const answering = (body: unknown, status = 200) => () => Promise.resolve(new Response(JSON.stringify(body), { status }));
const unreachable = () => Promise.reject(new TypeError("fetch failed"));

test.each(Object.keys(SAMPLE))("a_sample_is_a_valid_isbn: %s", (isbn) => {
  expect(parseIsbn(isbn)).toBe(isbn);
});

test.each([
  ["978-0-547-92822-7", HOBBIT],
  ["054792822X", HOBBIT],
  ["0-547-92822-x", HOBBIT],
  ["9780547928228", undefined],
  ["0547928221", undefined],
  ["hello", undefined],
  ["", undefined],
])("the_isbn_of_%j_is_%j", (text, isbn) => {
  expect(parseIsbn(text)).toBe(isbn);
});

test("open_library_is_asked_first", async () => {
  const answer = { [`ISBN:${HOBBIT}`]: { title: "The Hobbit, or There and Back Again", authors: [{ name: "Tolkien" }] } };
  expect(await lookUpBook(HOBBIT, answering(answer))).toEqual({
    kind: "found",
    book: { title: "The Hobbit, or There and Back Again", author: "Tolkien" },
    source: "openlibrary",
  });
});

test("the_sample_helps_out_when_open_library_cannot_be_reached", async () => {
  expect(await lookUpBook(HOBBIT, unreachable)).toEqual({ kind: "found", book: SAMPLE[HOBBIT], source: "sample" });
  expect(await lookUpBook(HOBBIT, answering({}, 503))).toMatchObject({ source: "sample" });
});

test("what_neither_has_is_told_apart", async () => {
  expect(await lookUpBook(UNKNOWN, answering({}))).toEqual({ kind: "unknown" });
  expect(await lookUpBook(UNKNOWN, unreachable)).toEqual({ kind: "unreachable" });
});

test("an_answer_of_another_shape_is_no_book", async () => {
  expect(await lookUpBook(HOBBIT, answering({ [`ISBN:${HOBBIT}`]: { title: 7 } }))).toEqual({ kind: "unknown" });
  expect(await lookUpBook(HOBBIT, answering({ [`ISBN:${HOBBIT}`]: { title: "T", authors: "nobody" } }))).toMatchObject({
    book: { title: "T", author: "" },
  });
});
