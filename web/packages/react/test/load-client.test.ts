// Loading the wasm client: lazily, once, and again after a failure.
import { beforeEach, expect, test, vi } from "vitest";
import { FakeClient } from "./fake-client.js";

const client = vi.hoisted(() => ({ current: undefined as unknown as FakeClient }));

vi.mock("@patchcast/client", () => ({
  default: () => client.current.init(),
  connect: (...args: Parameters<FakeClient["connect"]>) => client.current.connect(...args),
}));

beforeEach(() => {
  vi.resetModules();
  client.current = new FakeClient();
});

test("importing_the_package_loads_nothing", async () => {
  await import("../src/index.js");
  expect(client.current.inits).toBe(0);
});

test("every_call_shares_one_load", async () => {
  const { loadClient } = await import("../src/index.js");
  const [first, second] = await Promise.all([loadClient(), loadClient()]);
  expect(second).toBe(first);
  expect(await loadClient()).toBe(first);
  expect(client.current.inits).toBe(1);
});

test("a_failed_load_is_tried_again_by_the_next_call", async () => {
  const { loadClient } = await import("../src/index.js");
  const cause = new Error("offline");
  client.current.failInit = cause;
  await expect(loadClient()).rejects.toMatchObject({ message: "the Patchcast client could not be loaded", cause });
  client.current.failInit = undefined;
  await expect(loadClient()).resolves.toHaveProperty("connect");
  expect(client.current.inits).toBe(2);
});
