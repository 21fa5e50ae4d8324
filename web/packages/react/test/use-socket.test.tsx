// What a component that uses the hooks can rely on, with the network replaced by a recording client.
import { act, cleanup, render, renderHook } from "@testing-library/react";
import { StrictMode, useEffect } from "react";
import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from "vitest";
import type { MessageInfo, Patch, Receipt } from "@patchcast/client";
import type { SocketSend } from "../src/index.js";
import { FakeClient, settle } from "./fake-client.js";

const client = vi.hoisted(() => ({ current: undefined as unknown as FakeClient }));

vi.mock("@patchcast/client", () => ({
  default: () => client.current.init(),
  connect: (...args: Parameters<FakeClient["connect"]>) => client.current.connect(...args),
}));

const URL_A = "ws://server.test/a";
const URL_B = "ws://server.test/b";
const EDIT: Patch[] = [{ op: "replace", path: ["a"], value: 1 }];
const nothing = () => {};

// The package keeps a loaded client for good, so every test has the package to itself.
let useSocket: typeof import("../src/index.js").useSocket;
let useSocketStatus: typeof import("../src/index.js").useSocketStatus;
let useUnsaved: typeof import("../src/index.js").useUnsaved;

beforeEach(async () => {
  vi.resetModules();
  client.current = new FakeClient();
  ({ useSocket, useSocketStatus, useUnsaved } = await import("../src/index.js"));
});

afterEach(cleanup);

/** The promises of loading, inside `act` so that their state updates are rendered. */
const settled = () => act(settle);

function only() {
  expect(client.current.connections).toHaveLength(1);
  return client.current.connections[0]!;
}

test("one_mounted_component_has_one_connection_in_strict_mode", async () => {
  renderHook(() => useSocket(URL_A, nothing), { wrapper: StrictMode });
  await settled();
  expect(only().closed).toBe(false);
});

test("a_strict_mode_remount_after_the_client_is_loaded_keeps_the_connection", async () => {
  const first = renderHook(() => useSocket(URL_B, nothing));
  await settled();
  first.unmount();
  renderHook(() => useSocket(URL_A, nothing), { wrapper: StrictMode });
  await settled();
  expect(client.current.connections.map(({ url, closed }) => [url, closed])).toEqual([
    [URL_B, true],
    [URL_A, false],
  ]);
});

test("unmounting_closes_the_connection", async () => {
  const { unmount } = renderHook(() => useSocket(URL_A, nothing));
  await settled();
  unmount();
  await settled();
  expect(only().closed).toBe(true);
});

test("unmounting_before_the_client_is_loaded_never_connects", async () => {
  client.current.holdLoading();
  const { unmount } = renderHook(() => useSocket(URL_A, nothing));
  await settled();
  unmount();
  await act(() => client.current.finishLoading());
  expect(client.current.connections).toEqual([]);
});

test("the_latest_callback_hears_the_message_on_the_same_connection", async () => {
  const stale = vi.fn();
  const latest = vi.fn();
  const { rerender } = renderHook(({ onMessage }) => useSocket(URL_A, onMessage), { initialProps: { onMessage: stale } });
  await settled();
  rerender({ onMessage: latest });
  const info = { history: true, seq: 1, time: 2, client: "c", own: false };
  only().deliver(EDIT, info);
  expect(latest).toHaveBeenCalledExactlyOnceWith(EDIT, info);
  expect(stale).not.toHaveBeenCalled();
});

test("a_new_url_closes_the_old_connection_makes_one_new_and_starts_over", async () => {
  const onReset = vi.fn();
  const { rerender } = renderHook(({ url }) => useSocket(url, nothing, { onReset }), { initialProps: { url: URL_A }, wrapper: StrictMode });
  await settled();
  expect(onReset).not.toHaveBeenCalled();
  rerender({ url: URL_B });
  await settled();
  expect(onReset).toHaveBeenCalledOnce();
  expect(client.current.connections.map(({ url, closed }) => [url, closed])).toEqual([
    [URL_A, true],
    [URL_B, false],
  ]);
});

test("a_closed_connection_delivers_nothing_any_more", async () => {
  const onMessage = vi.fn();
  const { rerender } = renderHook(({ url }) => useSocket(url, onMessage), { initialProps: { url: URL_A } });
  await settled();
  rerender({ url: URL_B });
  await settled();
  client.current.connections[0]!.deliver(EDIT);
  expect(onMessage).not.toHaveBeenCalled();
});

test("send_stays_the_same_function_across_renders_and_urls", async () => {
  const { result, rerender } = renderHook(({ url }) => useSocket(url, nothing), { initialProps: { url: URL_A } });
  const first = result.current;
  rerender({ url: URL_B });
  await settled();
  expect(result.current).toBe(first);
});

test("options_with_the_same_values_keep_the_connection_and_reach_the_client", async () => {
  const { rerender } = renderHook(() =>
    useSocket(URL_A, nothing, { queueLimit: 5, backoff: { minMs: 1, maxMs: 2 }, persist: { name: "a", from: "position" } }),
  );
  await settled();
  rerender();
  await settled();
  expect(only().options).toMatchObject({ queueLimit: 5, backoff: { minMs: 1, maxMs: 2 }, persist: { name: "a", from: "position" } });
});

test("another_name_to_persist_under_makes_a_new_connection", async () => {
  const { rerender } = renderHook(({ persist }) => useSocket(URL_A, nothing, { persist }), { initialProps: { persist: "a" } });
  await settled();
  rerender({ persist: "b" });
  await settled();
  expect(client.current.connections.map(({ closed, options }) => [closed, options.persist])).toEqual([
    [true, { name: "a" }],
    [false, { name: "b" }],
  ]);
});

test("the_clients_reset_is_told_to_the_latest_callback", async () => {
  const stale = vi.fn();
  const latest = vi.fn();
  const { rerender } = renderHook(({ onReset }) => useSocket(URL_A, nothing, { onReset }), { initialProps: { onReset: stale } });
  await settled();
  rerender({ onReset: latest });
  only().options.onReset!("another log");
  expect(latest).toHaveBeenCalledExactlyOnceWith("another log");
  expect(stale).not.toHaveBeenCalled();
});

test("what_is_sent_while_the_client_loads_is_sent_in_order_once_connected", async () => {
  client.current.holdLoading();
  const { result } = renderHook(() => useSocket(URL_A, nothing), { wrapper: StrictMode });
  expect(result.current(EDIT).state).toBe("queued");
  result.current([]);
  await act(() => client.current.finishLoading());
  expect(result.current(EDIT)).toBe(only().receipts[2]);
  expect(only().sent).toEqual([EDIT, [], EDIT]);
});

test("a_childs_effect_may_send_before_its_parent_has_connected", async () => {
  function Child({ send }: { send: SocketSend }) {
    useEffect(() => {
      send(EDIT);
    }, [send]);
    return null;
  }
  function Parent() {
    return <Child send={useSocket(URL_A, nothing)} />;
  }
  render(<Parent />);
  await settled();
  expect(only().sent).toEqual([EDIT]);
});

test("a_full_queue_is_told_to_the_caller_and_to_onError", async () => {
  client.current.holdLoading();
  const onError = vi.fn();
  const { result } = renderHook(() => useSocket(URL_A, nothing, { queueLimit: 1, onError }));
  expect(result.current(EDIT).state).toBe("queued");
  expect(result.current(EDIT)).toMatchObject({ state: "rejected", error: { code: "queue_full" } });
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: expect.stringContaining("queue is full") }));
  await act(() => client.current.finishLoading());
  expect(only().sent).toEqual([EDIT]);
});

test("sending_after_unmount_is_refused_and_told", async () => {
  const onError = vi.fn();
  const { result, unmount } = renderHook(() => useSocket(URL_A, nothing, { onError }));
  await settled();
  unmount();
  await settled();
  expect(result.current(EDIT)).toMatchObject({ state: "rejected", error: { code: "closed" } });
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: expect.stringContaining("unmounted") }));
});

test("messages_dropped_by_closing_are_told_to_onError", async () => {
  const onError = vi.fn();
  const { unmount } = renderHook(() => useSocket(URL_A, nothing, { onError }));
  await settled();
  only().queued = 3;
  unmount();
  await settled();
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: "closed before 3 messages were saved" }));
});

test("closing_drops_nothing_that_is_persisted", async () => {
  const onError = vi.fn();
  const { unmount } = renderHook(() => useSocket(URL_A, nothing, { onError, persist: "a" }));
  await settled();
  only().queued = 3;
  unmount();
  await settled();
  expect(onError).not.toHaveBeenCalled();
});

test("reconnect_starts_over_with_one_new_connection_to_the_same_room", async () => {
  const onReset = vi.fn();
  const { result } = renderHook(() => useSocket(URL_A, nothing, { onReset }));
  await settled();
  act(() => result.current.reconnect());
  expect(onReset).toHaveBeenCalledOnce();
  await settled();
  expect(client.current.connections.map(({ url, closed }) => [url, closed])).toEqual([
    [URL_A, true],
    [URL_A, false],
  ]);
});

test("the_status_follows_the_connection_with_protocol_code_reason_and_wait", async () => {
  const { result } = renderHook(() => useSocketStatus(useSocket(URL_A, nothing)));
  expect(result.current).toEqual({ status: "connecting" });
  await settled();
  act(() => only().status("open", { protocol: "sessions" }));
  expect(result.current).toEqual({ status: "open", protocol: "sessions" });
  act(() => only().status("open", { protocol: "patches" }));
  expect(result.current).toEqual({ status: "open", protocol: "patches" });
  act(() => only().status("reconnecting", { code: 1006, retryInMs: 250 }));
  expect(result.current).toEqual({ status: "reconnecting", code: 1006, retryInMs: 250 });
  act(() => only().status("closed", { code: 4000, reason: "not an array" }));
  expect(result.current).toEqual({ status: "closed", code: 4000, reason: "not an array" });
});

test("a_status_that_did_not_change_renders_nothing", async () => {
  let renders = 0;
  renderHook(() => {
    renders += 1;
    return useSocketStatus(useSocket(URL_A, nothing));
  });
  await settled();
  act(() => only().status("open"));
  const before = renders;
  act(() => only().status("open"));
  expect(renders).toBe(before);
});

test("unsaved_counts_what_waits_for_the_client_and_what_the_client_has_not_saved", async () => {
  client.current.holdLoading();
  const { result } = renderHook(() => {
    const send = useSocket(URL_A, nothing, { persist: "a" });
    return { send, unsaved: useUnsaved(send) };
  });
  const unsaved = () => result.current.unsaved;
  expect(unsaved()).toBe(0);
  act(() => void result.current.send(EDIT));
  expect(unsaved()).toBe(1);
  await act(() => client.current.finishLoading());
  only().queued = 3;
  act(() => only().status("reconnecting"));
  expect(unsaved()).toBe(3);
  only().queued = 2;
  act(() => only().receipts[0]!.becomes("durable"));
  expect(unsaved()).toBe(2);
  only().queued = 1;
  act(() => only().deliver(EDIT, { history: true, seq: 9, own: true }));
  expect(unsaved()).toBe(1);
  only().queued = 2;
  act(() => void result.current.send(EDIT));
  expect(unsaved()).toBe(2);
  only().queued = 1;
  act(() => only().receipts[1]!.becomes("durable"));
  expect(unsaved()).toBe(1);
});

test("a_client_that_cannot_be_loaded_is_told_and_tried_again_on_reconnect", async () => {
  client.current.failInit = new Error("no wasm here");
  const onError = vi.fn();
  const { result } = renderHook(() => {
    const send = useSocket(URL_A, nothing, { onError });
    return { send, status: useSocketStatus(send) };
  });
  await settled();
  expect(result.current.status).toEqual({ status: "closed", reason: "the Patchcast client could not be loaded" });
  expect(onError).toHaveBeenCalledOnce();
  expect(result.current.send(EDIT).state).toBe("rejected");
  client.current.failInit = undefined;
  act(() => result.current.send.reconnect());
  await settled();
  expect(client.current.open).toHaveLength(1);
});

test("the_status_of_something_that_is_no_socket_is_a_type_error", () => {
  const stranger = (() => undefined) as unknown as SocketSend;
  const error = vi.spyOn(console, "error").mockImplementation(nothing);
  expect(() => renderHook(() => useSocketStatus(stranger))).toThrow(TypeError);
  error.mockRestore();
});

test("the_types_of_messages_flow_through", async () => {
  const { result } = renderHook(() => {
    const patches = useSocket(URL_A, (message, info) => {
      expectTypeOf(message).toEqualTypeOf<Patch[]>();
      expectTypeOf(info).toEqualTypeOf<MessageInfo>();
    });
    const plain = useSocket(URL_A, nothing, { protocol: "patches" });
    const events = useSocket<{ at: number }>(URL_B, (message) => expectTypeOf(message).toEqualTypeOf<{ at: number }>());
    const chat = useSocket<{ msg: string[] }, { text: string }>(URL_B, (message) => expectTypeOf(message).toEqualTypeOf<{ msg: string[] }>(), {
      protocol: "json",
    });
    return { patches, plain, events, chat };
  });
  expectTypeOf(result.current.patches).parameter(0).toEqualTypeOf<readonly Patch[]>();
  expectTypeOf(result.current.plain).parameter(0).toEqualTypeOf<readonly Patch[]>();
  expectTypeOf(result.current.events).parameter(0).toEqualTypeOf<{ at: number }>();
  expectTypeOf(result.current.chat).parameter(0).toEqualTypeOf<{ text: string }>();
  expectTypeOf(result.current.chat).returns.toEqualTypeOf<Receipt>();
  await settled();
  expect(client.current.connections.map(({ options }) => options.protocol)).toEqual([undefined, "patches", undefined, "json"]);
});
