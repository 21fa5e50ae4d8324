// The state that is measured, a list of things to do, and what an app does to it in ordinary drafts.

const VERBS = ["Buy", "Call", "Write to", "Book", "Return", "Ask", "Order", "Thank"];
const OBJECTS = ["the printer", "Michel", "tickets for Lyon", "the dentist", "a birthday present", "the landlord", "new batteries", "Aunt Rosa"];

/** A state whose list has `count` items; every item has about 70 bytes as JSON. By their ids they are shuffled. */
export function listOf(count) {
  return { title: "Everything", items: Array.from({ length: count }, (_, at) => item(at)) };
}

/** Each a name, a recipe for a draft of `listOf(count)`, and whether it is held to the bar. */
export function recipesFor(count) {
  const middle = count >> 1;
  return [
    { name: "`shift()`", hasBar: true, recipe: ({ items }) => void items.shift() },
    { name: "`unshift(item)`", hasBar: true, recipe: ({ items }) => void items.unshift(item(count)) },
    { name: "`splice(middle, 1)`", hasBar: true, recipe: ({ items }) => void items.splice(middle, 1) },
    { name: "first to last: `push(shift())`", hasBar: true, recipe: ({ items }) => void items.push(items.shift()) },
    { name: "every second: `filter`", recipe: (draft) => void (draft.items = draft.items.filter((_, at) => at % 2 === 0)) },
    { name: "shuffled: `sort`", recipe: ({ items }) => void items.sort((a, b) => (a.id < b.id ? -1 : 1)) },
    { name: "`reverse()`", recipe: ({ items }) => void items.reverse() },
  ];
}

function item(at) {
  return { id: idOf(at), title: `${VERBS[at % 8]} ${OBJECTS[(at >> 3) % 8]}, ${at}`, done: at % 3 === 0 };
}

/** Ten characters, as a short random id has: those of neighbours have nothing in common. */
function idOf(at) {
  return spread(at).toString(36).padStart(7, "0") + spread(at + 1e6).toString(36).slice(-3).padStart(3, "0");
}

/** The finaliser of MurmurHash3: a permutation of 32 bits, so that no two numbers come out the same. */
function spread(number) {
  let hash = number | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
