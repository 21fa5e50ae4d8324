// Documents, and what people do to them in ordinary recipes, drawn from a seed.

/** Choices from a seed (mulberry32). */
export class Source {
  #state;
  #name;
  #made = 0;

  /** Whatever is new has the name in it, so that it tells who has made it. */
  constructor(seed, name) {
    this.#state = seed;
    this.#name = name;
  }

  fraction() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(end) {
    return Math.floor(this.fraction() * end);
  }

  oneIn(number) {
    return this.below(number) === 0;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  list(make, length = this.below(5)) {
    return Array.from({ length }, () => make());
  }

  fresh() {
    return `${this.#name}${++this.#made}`;
  }

  leaf() {
    return this.pick([
      () => null,
      () => this.oneIn(2),
      () => "",
      () => this.below(4),
      () => (this.fraction() - 0.5) * 1e10,
      () => this.pick(["x", "y", "é😀", "a/b"]),
      () => this.fresh(),
    ])();
  }

  /** Most have ids, some of which are those of others. */
  item() {
    const item = { title: this.fresh(), done: this.oneIn(2) };
    if (!this.oneIn(5)) item.id = this.oneIn(3) ? this.below(6) : this.fresh();
    if (this.oneIn(2)) item.tags = this.list(() => this.pick("abcde"));
    return item;
  }

  value(depth) {
    if (depth === 0 || this.oneIn(3)) return this.leaf();
    return this.pick([
      () => this.list(() => this.item()),
      () => this.list(() => this.leaf()),
      () => this.list(() => this.list(() => this.below(3))),
      () => Object.fromEntries(this.list(() => [this.pick(["a", "b", "0", "1", "length", "items", ""]), this.value(depth - 1)])),
    ])();
  }

  document() {
    if (this.oneIn(8)) return this.list(() => this.value(2), 1 + this.below(4));
    return {
      items: this.list(() => this.item()),
      columns: { todo: this.list(() => this.item()), done: this.list(() => this.item()) },
      names: this.list(() => this.pick("abcdefg")),
      rows: this.list(() => this.list(() => this.below(3))),
      users: { u1: { name: "u1" }, 2: { name: "u2" } },
      other: this.value(3),
      count: 1,
    };
  }
}

/** A recipe of a few acts on a draft, which tells their names. Some return a new root. */
export function work(source, draft, told) {
  if (source.oneIn(60)) {
    told.push("a new root");
    return source.value(2);
  }
  for (let acts = 1 + source.below(4); acts > 0; acts--) {
    const container = source.pick(containers(draft));
    const [name, act] = source.pick(Array.isArray(container) ? LIST_ACTS : OBJECT_ACTS);
    told.push(name);
    act(source, container, draft);
  }
  return undefined;
}

const isContainer = (value) => typeof value === "object" && value !== null;
const isObject = (value) => isContainer(value) && !Array.isArray(value);
const byText = (a, b) => {
  const [one, other] = [JSON.stringify(a) ?? "", JSON.stringify(b) ?? ""];
  return one < other ? -1 : Number(one > other);
};

function containers(value, found = []) {
  if (isContainer(value)) {
    found.push(value);
    Object.values(value).forEach((child) => containers(child, found));
  }
  return found;
}

/** Something new that looks like what is there. */
function another(source, list) {
  if (source.oneIn(3)) return source.leaf();
  if (Array.isArray(list[0])) return source.list(() => source.below(3));
  return isObject(list[0]) ? source.item() : source.pick("abcdefg");
}

const index = (source, list) => source.below(list.length);
const gap = (source, list) => source.below(list.length + 1);

const LIST_ACTS = [
  ["push", (source, list) => list.push(another(source, list))],
  ["push two", (source, list) => list.push(another(source, list), another(source, list))],
  ["unshift", (source, list) => list.unshift(another(source, list))],
  ["pop", (_, list) => list.pop()],
  ["shift", (_, list) => list.shift()],
  ["insert", (source, list) => list.splice(gap(source, list), 0, another(source, list))],
  ["remove", (source, list) => list.splice(gap(source, list), 1)],
  ["splice", (source, list) => list.splice(gap(source, list), source.below(3), ...source.list(() => another(source, list), source.below(3)))],
  ["sort", (_, list) => list.sort(byText)],
  ["reverse", (_, list) => list.reverse()],
  ["swap", (source, list) => {
    const [one, other] = [index(source, list), index(source, list)];
    if (list.length > 1) [list[one], list[other]] = [list[other], list[one]];
  }],
  ["move", (source, list) => {
    if (list.length > 0) list.splice(gap(source, list), 0, ...list.splice(index(source, list), 1));
  }],
  ["move to another list", (source, list, draft) => {
    const taken = list.splice(gap(source, list), 1);
    source.pick(containers(draft).filter(Array.isArray)).push(...taken);
  }],
  ["length", (source, list) => { list.length = source.below(list.length + 2); }],
  ["set", (source, list) => { if (list.length > 0) list[index(source, list)] = another(source, list); }],
  ["set to undefined", (source, list) => { if (list.length > 0) list[index(source, list)] = undefined; }],
  ["set behind the end", (source, list) => { list[list.length] = another(source, list); }],
  ["filter in place", (source, list) => list.splice(0, list.length, ...list.filter(() => !source.oneIn(3)))],
  ["copy within", (source, list) => list.copyWithin(0, gap(source, list))],
  ["change all", (_, list) => list.forEach((item, at) => {
    if (Array.isArray(item)) item.push(0);
    else if (isObject(item)) item.done = true;
    else if (typeof item === "number") list[at] += 1;
  })],
];

const KEYS = ["a", "b", "0", "7", "title", "length"];

/** Acts on a member that is there, mostly. */
const onMember = (act) => (source, object, draft) => {
  const keys = Object.keys(object);
  const key = keys.length > 0 && !source.oneIn(4) ? source.pick(keys) : source.pick(KEYS);
  act(source, object, key, object[key], draft);
};

const OBJECT_ACTS = [
  ["set a key", (source, object, key) => { object[key] = source.leaf(); }],
  ["set a key to more", (source, object, key) => { object[key] = source.value(2); }],
  ["delete a key", (_, object, key) => { delete object[key]; }],
  ["assign", (source, object, key) => Object.assign(object, { [key]: source.leaf(), z: source.below(3) })],
  ["a key becomes undefined", (_, object, key) => { object[key] = undefined; }],
  ["a key becomes null", (_, object, key) => { object[key] = null; }],
  ["spread", (source, object, key, value) => {
    if (Array.isArray(value)) object[key] = [...value, source.leaf()];
    else if (isObject(value)) object[key] = { ...value, q: source.below(3) };
  }],
  ["filter", (source, object, key, value) => { if (Array.isArray(value)) object[key] = value.filter(() => !source.oneIn(3)); }],
  ["map", (_, object, key, value) => {
    if (Array.isArray(value)) object[key] = value.map((item) => (isObject(item) ? { ...item, done: !item.done } : item));
  }],
  ["sorted copy", (_, object, key, value) => { if (Array.isArray(value)) object[key] = [...value].sort(byText); }],
  ["clear", (_, object, key, value) => { if (Array.isArray(value)) object[key] = []; }],
  ["rename", (source, object, key, value) => {
    const to = source.pick(["a", "b", "title"]);
    if (key in object && to !== key) {
      object[to] = value;
      delete object[key];
    }
  }],
  ["change", (_, object, key, value) => {
    if (typeof value === "number") object[key] += 1;
    else if (typeof value === "boolean") object[key] = !value;
    else if (typeof value === "string") object[key] = `${value}!`;
  }],
].map(([name, act]) => [name, onMember(act)]);
