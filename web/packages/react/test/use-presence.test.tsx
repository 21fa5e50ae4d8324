// Who else is there, and what is shown of oneself, with the network replaced by a recording client.
import { act, cleanup, renderHook } from "@testing-library/react";
import { StrictMode } from "react";
import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from "vitest";
import type { Other } from "../src/index.js";
import { FakeClient, settle } from "./fake-client.js";

const client = vi.hoisted(() => ({ current: undefined as unknown as FakeClient }));

vi.mock("@patchcast/client", () => ({
  default: () => client.current.init(),
  connect: (...args: Parameters<FakeClient["connect"]>) => client.current.connect(...args),
}));

const URL = "ws://server.test/a";
const ADA = { name: "Ada" };
const nothing = () => {};

let react: typeof import("../src/index.js");

beforeEach(async () => {
  vi.resetModules();
  client.current = new FakeClient();
  react = await import("../src/index.js");
});

afterEach(cleanup);

const settled = () => act(settle);
const shown = () => client.current.connections.map((connection) => connection.shown);

function renderPresence(mine: unknown, wrapper?: typeof StrictMode, onError = nothing) {
  return renderHook(({ mine }) => react.usePresence(react.useSocket(URL, nothing, { onError }), mine), {
    initialProps: { mine },
    ...(wrapper && { wrapper }),
  });
}

test("what_one_shows_is_told_once_in_strict_mode_and_not_again_for_an_equal_value", async () => {
  const { rerender } = renderPresence({ ...ADA }, StrictMode);
  await settled();
  rerender({ mine: { ...ADA } });
  await settled();
  expect(shown()).toEqual([[ADA]]);
});

test("a_new_value_replaces_the_old_one_with_nothing_in_between", async () => {
  const { rerender } = renderPresence(ADA);
  await settled();
  rerender({ mine: { name: "Ada", typing: true } });
  await settled();
  expect(shown()).toEqual([[ADA, { name: "Ada", typing: true }]]);
});

test("null_or_leaving_it_out_takes_it_away", async () => {
  const { rerender } = renderPresence(ADA);
  await settled();
  rerender({ mine: undefined });
  await settled();
  rerender({ mine: ADA });
  await settled();
  rerender({ mine: null });
  await settled();
  expect(shown()).toEqual([[ADA, null, ADA, null]]);
});

test("it_is_taken_away_when_its_component_is_gone_and_the_connection_is_not", async () => {
  const { result } = renderHook(() => react.useSocket(URL, nothing));
  const part = renderHook(() => react.usePresence(result.current, ADA));
  await settled();
  part.unmount();
  await settled();
  expect(shown()).toEqual([[ADA, null]]);
  expect(client.current.open).toHaveLength(1);
});

test("who_only_watches_shows_nothing", async () => {
  renderPresence(undefined, StrictMode);
  await settled();
  expect(shown()).toEqual([[]]);
});

test("the_others_are_seen_as_they_come_and_go_and_nobody_after_the_connection", async () => {
  const { result } = renderHook(() => {
    const send = react.useSocket(URL, nothing);
    return { send, others: react.usePresence<{ name: string }>(send) };
  });
  expectTypeOf(result.current.others).toEqualTypeOf<readonly Other<{ name: string }>[]>();
  expect(result.current.others).toEqual([]);
  await settled();
  const [connection] = client.current.connections;
  act(() => connection!.present({ b: { name: "Bruno" }, c: { name: "Chiyo" } }));
  expect(result.current.others).toEqual([
    { client: "b", value: { name: "Bruno" } },
    { client: "c", value: { name: "Chiyo" } },
  ]);
  act(() => connection!.present({ c: { name: "Chiyo" } }));
  expect(result.current.others).toEqual([{ client: "c", value: { name: "Chiyo" } }]);
  act(() => result.current.send.reconnect());
  expect(result.current.others).toEqual([]);
  act(() => connection!.present({ b: { name: "Bruno" } }));
  expect(result.current.others).toEqual([]);
});

test("a_value_that_is_too_large_is_told_to_onError", async () => {
  const onError = vi.fn();
  renderPresence("x".repeat(2000), undefined, onError);
  await settled();
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: "too much to show" }));
});
