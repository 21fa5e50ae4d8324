// Sums up the Autobahn Testsuite's report, given as its index.json, and fails when a case did.
"use strict";
const { readFileSync } = require("node:fs");

const SECTIONS = {
  1: "framing",
  2: "pings and pongs",
  3: "reserved bits",
  4: "opcodes",
  5: "fragmentation",
  6: "UTF-8",
  7: "closing",
  9: "limits and performance",
  10: "auto-fragmentation",
};
// NON-STRICT: it closes as it should, only sooner or later than the suite's taste; INFORMATIONAL: the RFC leaves it open.
const PASSES = ["OK", "NON-STRICT", "INFORMATIONAL"];
const COLUMNS = [...PASSES, "other"];
// So many has the suite outside compression; a report of fewer means that it stopped on its way.
const CASES = 301;

const cases = Object.values(JSON.parse(readFileSync(process.argv[2], "utf8"))).flatMap(Object.entries);
const failed = cases.filter(([, result]) => outcome(result) === "other");
printTable();
for (const [id, { behavior, behaviorClose }] of failed) console.log(`case ${id}: ${behavior}, closing: ${behaviorClose}`);
console.log(`autobahn: ${cases.length - failed.length} passed, ${failed.length} failed`);
if (cases.length !== CASES) {
  console.error(`${cases.length} cases were run in place of ${CASES}`);
  process.exit(1);
}
process.exit(failed.length > 0 ? 1 : 0);

// A case passes when both its messages and the way the connection was closed do; the lesser of the two is its outcome.
function outcome({ behavior, behaviorClose }) {
  const ranks = [behavior, behaviorClose].map((one) => PASSES.indexOf(one));
  return ranks.includes(-1) ? "other" : PASSES[Math.max(...ranks)];
}

function printTable() {
  const rows = Object.entries(SECTIONS).map(([section, name]) => {
    const outcomes = cases.filter(([id]) => id.split(".")[0] === section).map(([, result]) => outcome(result));
    return [`${section} ${name}`, ...COLUMNS.map((column) => outcomes.filter((one) => one === column).length)];
  });
  for (const [name, ...counts] of [["section", ...COLUMNS], ...rows]) {
    console.log(name.padEnd(26) + counts.map((count) => String(count).padStart(14)).join(""));
  }
}
