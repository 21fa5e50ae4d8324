// Holds what `patchcast patch` makes of concurrent recipes of the real Immer to convergence, in every order of arrival and for every client.
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { answers } from "../../benches/bytes/patch-command.mjs";
import { Source, work } from "./recipes.mjs";

// The package is that of web/, which has the lockfile.
const { applyPatches, enablePatches, produceWithPatches } = createRequire(new URL("../../web/package.json", import.meta.url))("immer");
enablePatches();

const { values: options } = parseArgs({
  options: {
    pairs: { type: "string", default: "2400" },
    triples: { type: "string", default: "700" },
    seed: { type: "string", default: "1" },
  },
});

const MOST_SHOWN = 5;
let faults = 0;
const cases = draw(Number(options.pairs), 2).concat(draw(Number(options.triples), 3));
await compare(cases);
const arrivals = cases.flatMap((one) => orders(one.parties).map((parties) => ({ one, parties })));
await arrive(arrivals);
console.log(`${cases.length} cases in ${arrivals.length} orders of arrival, ${faults} faults`);
process.exitCode = faults > 0 ? 1 : 0;

function draw(count, parties) {
  return Array.from({ length: count }, (_, at) => {
    const seed = Number(options.seed) * 1_000_003 + at * 8 + parties;
    const base = overTheWire(new Source(seed, "s").document());
    const names = ["a", "b", "c"].slice(0, parties);
    return { seed, base, parties: names.map((name, nth) => party(base, new Source(seed * 31 + nth, name))) };
  });
}

function party(base, source) {
  const told = [];
  const [, patches] = produceWithPatches(base, (draft) => work(source, draft, told));
  return { told, patches: overTheWire(patches) };
}

/** Gives each party the state after its patches, which is what Immer makes of them, and the patches that were meant. */
async function compare(cases) {
  const all = cases.flatMap((one) => one.parties.map((party) => ({ one, party })));
  const applied = await answers("apply", all.map(({ one, party }) => ({ base: one.base, patches: party.patches })));
  const meant = await answers("diff", all.map(({ one }, at) => ({ before: one.base, after: applied[at].result })));
  all.forEach(({ one, party }, at) => {
    expectSame("Immer's patches", one, applyPatches(one.base, party.patches), applied[at].result);
    party.meant = meant[at].patches;
  });
}

/** Lets the parties' patches arrive in their order, at the server and at every client. */
async function arrive(arrivals) {
  const merged = await answers("merge", arrivals.map(({ one, parties }) => ({ base: one.base, ops: parties.map(({ patches }) => patches) })));
  const first = await meet(arrivals.map(({ one, parties: [x, y] }) => ({ one, base: one.base, earlier: x.meant, later: y.meant })));
  first.forEach(({ one, both }, at) => {
    if (arrivals[at].parties.length === 2) expectSame("the merge", one, both, merged[at].result);
  });
  // The third has seen neither: what it sent is carried over the first, and over what was made of the second.
  const threes = [...arrivals.keys()].filter((at) => arrivals[at].parties.length === 3);
  const third = await meet(threes.map((at) => {
    const { one, parties: [x, , z] } = arrivals[at];
    return { one, base: one.base, earlier: x.meant, later: z.meant };
  }));
  const last = await meet(threes.map((at, nth) => ({
    one: arrivals[at].one,
    base: first[at].afterEarlier,
    earlier: first[at].laterMade,
    later: third[nth].laterMade,
  })));
  last.forEach(({ one, both }, nth) => expectSame("the merge of three", one, both, merged[threes[nth]].result));
  // The second client has its own first; the third has its own first, and then what was made of the others.
  const atSecond = await inTurn(threes.map((at, nth) => [first[at].afterLater, first[at].earlierMade, last[nth].laterMade]));
  const atThird = await inTurn(threes.map((_, nth) => [third[nth].afterLater, third[nth].earlierMade, last[nth].earlierMade]));
  last.forEach(({ one, both }, nth) => {
    expectSame("the second client", one, atSecond[nth], both);
    expectSame("the third client", one, atThird[nth], both);
  });
}

/** Two edits of one base meet: whichever is made first, the same is there in the end, with Immer too. */
async function meet(meetings) {
  const carry = (patches, over, side) =>
    answers("transform", meetings.map((meeting) => ({ base: meeting.base, patches: meeting[patches], over: meeting[over], side })));
  const apply = (bases, lists) => answers("apply", bases.map((base, at) => ({ base, patches: lists[at] })));
  const results = (list) => list.map(({ result }) => result);
  const patches = (list) => list.map(({ patches }) => patches);

  const bases = meetings.map(({ base }) => base);
  const laterMade = patches(await carry("later", "earlier", "later"));
  const earlierMade = patches(await carry("earlier", "later", "earlier"));
  const afterEarlier = results(await apply(bases, meetings.map(({ earlier }) => earlier)));
  const afterLater = results(await apply(bases, meetings.map(({ later }) => later)));
  const both = results(await apply(afterEarlier, laterMade));
  const otherWay = results(await apply(afterLater, earlierMade));
  const expanded = patches(await answers("expand", afterEarlier.map((base, at) => ({ base, patches: laterMade[at] }))));
  const expandedOther = patches(await answers("expand", afterLater.map((base, at) => ({ base, patches: earlierMade[at] }))));
  return meetings.map(({ one }, at) => {
    expectSame("the other order", one, otherWay[at], both[at]);
    expectSame("Immer", one, applyPatches(afterEarlier[at], expanded[at]), both[at]);
    expectSame("Immer, in the other order", one, applyPatches(afterLater[at], expandedOther[at]), both[at]);
    return {
      one,
      afterEarlier: afterEarlier[at],
      afterLater: afterLater[at],
      laterMade: laterMade[at],
      earlierMade: earlierMade[at],
      both: both[at],
    };
  });
}

async function inTurn(lists) {
  const first = await answers("apply", lists.map(([base, patches]) => ({ base, patches })));
  const then = await answers("apply", lists.map(([, , patches], at) => ({ base: first[at].result, patches })));
  return then.map(({ result }) => result);
}

function expectSame(what, one, found, expected) {
  const [text, other] = [canonical(found), canonical(expected)];
  if (text === other) return;
  faults += 1;
  if (faults > MOST_SHOWN) return;
  const parties = one.parties.map(({ told, patches }) => `\n  ${told.join(", ")}: ${JSON.stringify(patches)}`);
  console.error(`${what} has something else\n  ${JSON.stringify(one.base)}${parties.join("")}\n  ${text}\n  ${other}`);
}

/** Keys in order; 0 for -0; what JSON cannot say as it says it. */
function canonical(value) {
  return JSON.stringify(overTheWire(value), (_, member) => {
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function overTheWire(value) {
  return JSON.parse(JSON.stringify(value ?? null));
}

function orders(parties) {
  if (parties.length < 2) return [parties];
  return parties.flatMap((first) => orders(parties.filter((party) => party !== first)).map((rest) => [first, ...rest]));
}
