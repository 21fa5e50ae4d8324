// Prints what an update of a list costs on the wire: Patchcast's patches beside Immer's and mutative's. scripts/bench-bytes runs it.
import { deepStrictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { answers } from "./patch-command.mjs";
import { listOf, recipesFor } from "./recipes.mjs";

// The packages are those of web/, which has the lockfile.
const require = createRequire(new URL("../../web/package.json", import.meta.url));
const immer = require("immer");
const mutative = require("mutative");
immer.enablePatches();

const BAR = 200;

const { values: options } = parseArgs({
  options: {
    items: { type: "string", multiple: true, default: ["1000", "10000"] },
    check: { type: "boolean", default: false },
  },
});

const cases = options.items.map(Number).flatMap((count) => {
  const before = listOf(count);
  return recipesFor(count).map((recipe) => ({ count, before, ...recipe }));
});
await measure(cases);
const missed = cases.filter((one) => one.hasBar && one.bytes.patchcast >= BAR);
print(cases);
if (options.check && missed.length > 0) {
  console.error(`missed: ${missed.map(({ name, count }) => `${name} on ${count} items`).join("; ")}`);
  process.exit(1);
}

/** Gives each case its bytes, having seen that the patches counted lead to the state that the recipe leads to, with Immer too. */
async function measure(cases) {
  for (const one of cases) {
    const [after, byImmer] = immer.produceWithPatches(one.before, one.recipe);
    const [sameAfter, byMutative] = mutative.create(one.before, one.recipe, { enablePatches: true });
    deepStrictEqual(sameAfter, after, `${one.name}: Immer and mutative do not do the same`);
    one.after = after;
    one.bytes = { immer: bytesOf(JSON.stringify(byImmer)), mutative: bytesOf(JSON.stringify(byMutative)) };
  }
  const diffs = await answers("diff", cases.map(({ before, after }) => ({ before, after })));
  const made = diffs.map(({ patches }, at) => ({ base: cases[at].before, patches }));
  const results = await answers("apply", made);
  const expanded = await answers("expand", made);
  for (const [at, one] of cases.entries()) {
    deepStrictEqual(results[at].result, one.after, `${one.name}: the patches do not give the state after`);
    deepStrictEqual(immer.applyPatches(one.before, expanded[at].patches), one.after, `${one.name}: Immer makes something else of the patches`);
    // The answer is compact JSON, as an op on the wire is, so its patches have the same length again.
    one.bytes.patchcast = bytesOf(JSON.stringify(diffs[at].patches));
  }
}

function print(cases) {
  console.log(`immer ${versionOf("immer")}, mutative ${versionOf("mutative")}, bytes of the JSON text of all patches\n`);
  const rows = cases.map(({ name, count, bytes, hasBar }) => [
    grouped(count),
    name,
    ...[bytes.patchcast, bytes.immer, bytes.mutative].map(grouped),
    times(bytes.immer, bytes.patchcast),
    times(bytes.mutative, bytes.patchcast),
    hasBar ? (bytes.patchcast < BAR ? `< ${BAR}, met` : `< ${BAR}, MISSED`) : "",
  ]);
  const head = ["items", "update", "patchcast", "immer", "mutative", "immer / patchcast", "mutative / patchcast", "bar"];
  const rule = head.map((_, column) => (isNumber(column) ? "---:" : "---"));
  for (const row of [head, rule, ...rows]) console.log(`| ${row.join(" | ")} |`);
}

function isNumber(column) {
  return column !== 1 && column !== 7;
}

function times(bytes, ours) {
  const ratio = bytes / ours;
  return ratio < 10 ? ratio.toFixed(1) : grouped(Math.round(ratio));
}

function grouped(number) {
  return number.toLocaleString("en-GB");
}

function bytesOf(text) {
  return Buffer.byteLength(text);
}

function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`../../web/node_modules/${name}/package.json`, import.meta.url), "utf8")).version;
}
