// The CPU time of the thread that a page runs on, as the kernel counts it.
import { readdirSync, readFileSync } from "node:fs";

/**
 * A clock of what the page does: a function that gives the milliseconds its thread has run since now.
 *
 * A browser has content processes besides the page's, for its own purposes; the one that has run most is the page's.
 */
export function pageClock(driver) {
  const pages = descendants(driver).filter(isContentProcess);
  const before = pages.map(mainThreadMs);
  return () => Math.max(...pages.map((pid, index) => mainThreadMs(pid) - before[index]));
}

function descendants(root) {
  const parents = new Map();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) && read(`/proc/${name}/stat`);
    // The command before the parent's number may hold spaces and brackets.
    if (stat) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const isBelow = (pid) => pid === root || (parents.has(pid) && isBelow(parents.get(pid)));
  return [...parents.keys()].filter((pid) => pid !== root && isBelow(pid));
}

/** Chromium's and Firefox's names for a process that runs pages. */
function isContentProcess(pid) {
  return /(--type=renderer|-isForBrowser)\b/.test(read(`/proc/${pid}/cmdline`));
}

/** The main thread has the number of its process. The first of the three numbers is nanoseconds on a core. */
function mainThreadMs(pid) {
  return Number(read(`/proc/${pid}/task/${pid}/schedstat`).split(" ")[0]) / 1e6;
}

/** What the file says; empty when the process has ended. */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
