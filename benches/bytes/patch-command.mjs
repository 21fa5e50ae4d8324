// Asks the real binary, PATCHCAST_BIN, what `patchcast patch` answers: one case a line, one answer a line.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";

const BINARY = process.env.PATCHCAST_BIN ?? fileURLToPath(new URL("../../target/release/patchcast", import.meta.url));

/** The answers of `patchcast patch COMMAND` to these cases; a case that gets an error is thrown. */
export async function answers(command, cases) {
  const child = spawn(BINARY, ["patch", command], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = Readable.from(cases.map((one) => `${JSON.stringify(one)}\n`));
  // A command that ends before it has read everything says why by itself; that the pipe broke says less.
  const written = pipeline(lines, child.stdin).catch(() => {});
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, "close"), written]);
  if (status !== 0) throw new Error(`patchcast patch ${command} ended with ${status}`);
  const given = output.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  if (given.length !== cases.length) throw new Error(`patchcast patch ${command} gave ${given.length} answers to ${cases.length} cases`);
  const refused = given.find(({ error }) => error);
  if (refused) throw new Error(`patchcast patch ${command}: ${refused.error.message}`);
  return given;
}
