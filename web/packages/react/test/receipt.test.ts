// Receipts of what is sent before there is a client: they become the client's own, or say why not.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Receipt } from "@patchcast/client";
import { Channel } from "../src/channel.js";
import type { Client } from "../src/load-client.js";
import { EarlyReceipt } from "../src/receipt.js";
import { FakeClient, FakeReceipt, settle } from "./fake-client.js";

const TARGET = { url: "ws://server.test/a" };
const unhandled = vi.fn();

beforeEach(() => void process.on("unhandledRejection", unhandled));
afterEach(() => {
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

function setUp() {
  const client = new FakeClient();
  const channel = new Channel(() => Promise.resolve(client as unknown as Client));
  const onError = vi.fn();
  channel.handlers = { onMessage: () => {}, onError };
  return { client, channel, onError };
}

test("a_receipt_from_before_the_client_follows_the_clients_own", async () => {
  const { client, channel } = setUp();
  const early = channel.send("early");
  const states: string[] = [];
  const stop = early.onChange((receipt) => {
    expect(receipt).toBe(early);
    states.push(receipt.state);
  });
  expect(early.state).toBe("queued");
  channel.open(TARGET);
  await settle();
  const own = client.connections[0]!.receipts[0]!;
  own.becomes("sent", { id: 7 });
  own.becomes("ordered", { seq: 41 });
  expect(early).toMatchObject({ state: "ordered", id: 7, seq: 41, error: undefined });
  stop();
  own.becomes("durable");
  expect(states).toEqual(["sent", "ordered"]);
  expect(await early).toEqual({ seq: 41, durability: "fsync" });
});

test("whoever_waits_already_is_told_when_the_client_saves_it", async () => {
  const { client, channel } = setUp();
  const saved = channel.send("early").then(({ seq }) => seq);
  channel.open(TARGET);
  await settle();
  client.connections[0]!.receipts[0]!.becomes("durable", { seq: 3 });
  expect(await saved).toBe(3);
});

test("a_rejection_is_thrown_at_those_who_wait_and_at_nobody_else", async () => {
  const { client, channel } = setUp();
  const [ignored, awaited] = [channel.send(1), channel.send(2)];
  channel.open(TARGET);
  await settle();
  for (const receipt of client.connections[0]!.receipts) receipt.becomes("rejected", { code: "too_large" });
  await expect(awaited).rejects.toMatchObject({ code: "too_large" });
  expect(ignored).toMatchObject({ state: "rejected", error: { code: "too_large" } });
  await settle();
});

test("what_still_waits_for_the_client_at_the_end_is_rejected_as_closed", async () => {
  const channel = new Channel(() => new Promise(() => {}));
  const onError = vi.fn();
  channel.handlers = { onMessage: () => {}, onError };
  const receipt = channel.send("early");
  channel.open(TARGET);
  channel.release();
  await settle();
  expect(receipt).toMatchObject({ state: "rejected", error: { code: "closed" } });
  await expect(receipt).rejects.toMatchObject({ code: "closed" });
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: "closed before 1 message was saved" }));
});

test("what_has_no_json_form_is_a_type_error_at_once_and_a_later_change_changes_nothing", async () => {
  const { client, channel } = setUp();
  for (const value of [undefined, () => {}, 1n]) expect(() => channel.send(value)).toThrow(TypeError);
  const message = { text: "as it was" };
  channel.send(message);
  message.text = "changed";
  channel.open(TARGET);
  await settle();
  expect(client.connections[0]!.sent).toEqual([{ text: "as it was" }]);
});

test("a_message_that_the_dialect_refuses_later_is_rejected_and_the_ones_after_it_are_sent", async () => {
  const { client, channel, onError } = setUp();
  const [bad, good] = [channel.send("no patches"), channel.send("good")];
  channel.open(TARGET);
  await settle();
  expect(bad).toMatchObject({ state: "rejected", error: { code: "bad_data" } });
  expect(good.state).toBe("queued");
  expect(client.connections[0]!.sent).toEqual(["good"]);
  expect(onError).toHaveBeenCalledOnce();
});

test("a_listener_that_throws_keeps_no_message_from_being_sent", async () => {
  const { client, channel, onError } = setUp();
  const mistake = new Error("a mistake of the app");
  channel.send("no patches").onChange(() => {
    throw mistake;
  });
  channel.send("good");
  channel.open(TARGET);
  await settle();
  expect(client.connections[0]!.sent).toEqual(["good"]);
  expect(onError).toHaveBeenCalledWith(mistake);
});

test("a_listener_added_twice_is_taken_off_once", () => {
  const [early, own] = [new EarlyReceipt(), new FakeReceipt()];
  const listener = vi.fn<(receipt: Receipt) => void>();
  early.onChange(listener);
  early.onChange(listener)();
  early.follow(own);
  own.becomes("sent");
  expect(listener).toHaveBeenCalledExactlyOnceWith(early);
});
