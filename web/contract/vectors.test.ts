// The wire form means the same in TypeScript as in Rust: the vectors that the Rust crates are held to, applied
// by the real Immer after a trip through JSON.
import { readFileSync } from "node:fs";
import { applyPatches, enablePatches, type Patch } from "immer";
import { describe, expect, test } from "vitest";

enablePatches();

interface Vector {
  readonly name?: string;
  readonly seed?: number;
  readonly base: unknown;
  readonly patches: readonly Patch[];
  readonly inversePatches: readonly Patch[];
  readonly result?: unknown;
  /** The result is `undefined`, which JSON cannot say. */
  readonly resultUndefined?: true;
  /** Values that JSON changes are involved: undefined, NaN, -0 or holes. */
  readonly jsonSafe?: false;
  /** What replaying over JSON gives, where that differs from `result`, respectively from `base`; or how Immer refuses. */
  readonly wireReplay?: Expected;
  readonly wireInverse?: Expected;
}

type Expected = { readonly v: unknown } | { readonly undefined: true } | { readonly error: string } | { readonly skip: true };

const FILES = { "immer-semantics": 131, "immer-fuzz-sample": 125 };

for (const [file, count] of Object.entries(FILES)) {
  const vectors = read<Vector>(file);

  describe(file, () => {
    test("the file is whole", () => expect(vectors).toHaveLength(count));

    for (const vector of vectors) {
      const title = vector.name ?? `seed ${vector.seed}`;
      const result: Expected = vector.wireReplay ?? (vector.resultUndefined ? { undefined: true } : { v: vector.result });

      test(`${title}: the patches give the result`, () => {
        check(vector.base, vector.patches, result);
      });

      const inverse: Expected = vector.wireInverse ?? { v: vector.base };
      if ("skip" in inverse) continue;

      test(`${title}: the inverse patches give the base again`, () => {
        check(vector.result, vector.inversePatches, inverse);
      });
    }
  });
}

interface Refusal {
  readonly name: string;
  readonly base: unknown;
  readonly patches: readonly Patch[];
  readonly error: { readonly message: string };
}

describe("immer-errors", () => {
  const vectors = read<Refusal>("immer-errors");

  test("the file is whole", () => expect(vectors).toHaveLength(78));

  test.each(vectors)("$name", ({ base, patches, error }) => {
    // Of an error of the engine's own, the words are the engine's.
    const words = error.message.startsWith("[Immer]") ? error.message : undefined;
    expect(() => applyPatches(overTheWire(base) as object, overTheWire(patches))).toThrow(words);
  });
});

function check(base: unknown, patches: readonly Patch[], expected: Expected): void {
  const replay = () => applyPatches(overTheWire(base) as object, overTheWire(patches));
  if ("error" in expected) expect(replay).toThrow(expected.error);
  // `undefined` as a whole has no JSON; inside of a value it is compared as JSON has it.
  else if ("undefined" in expected) expect(replay()).toBeUndefined();
  else if ("v" in expected) expect(overTheWire(replay())).toEqual(overTheWire(expected.v));
}

/** As the other side parses it. Makes 0 of -0 too, which the vectors call equal. */
function overTheWire<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function read<T>(file: string): T[] {
  const path = new URL(`../../crates/protocol/tests/vectors/${file}.jsonl`, import.meta.url);
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}
