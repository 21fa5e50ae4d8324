// The channel by itself: what happens between a release and the end of the turn, which React decides.
import { expect, test, vi } from "vitest";
import { Channel } from "../src/channel.js";
import type { Client } from "../src/load-client.js";
import { FakeClient, settle } from "./fake-client.js";

const TARGET = { url: "ws://server.test/a" };

function setUp() {
  const client = new FakeClient();
  const channel = new Channel(() => Promise.resolve(client as unknown as Client));
  const onError = vi.fn();
  const onReset = vi.fn();
  channel.handlers = { onMessage: () => {}, onReset, onError };
  return { client, channel, onError, onReset };
}

test("a_release_taken_back_in_the_same_turn_keeps_the_open_connection", async () => {
  const { client, channel, onReset } = setUp();
  channel.open(TARGET);
  await settle();
  channel.release();
  channel.open(TARGET);
  await settle();
  expect(client.connections.map(({ closed }) => closed)).toEqual([false]);
  expect(onReset).not.toHaveBeenCalled();
});

test("a_release_taken_back_in_the_same_turn_keeps_what_waits_for_the_client", async () => {
  const { client, channel, onError } = setUp();
  channel.send("first");
  channel.open(TARGET);
  channel.release();
  channel.send("second");
  channel.open(TARGET);
  await settle();
  expect(client.connections.map(({ sent }) => sent)).toEqual([["first", "second"]]);
  expect(onError).not.toHaveBeenCalled();
});

test("a_release_that_is_not_taken_back_closes_once_and_for_good", async () => {
  const { client, channel } = setUp();
  const listener = vi.fn();
  channel.open(TARGET);
  await settle();
  channel.subscribe(listener);
  channel.release();
  channel.release();
  expect(client.open).toHaveLength(1);
  await settle();
  expect(client.open).toHaveLength(0);
  expect(channel.status()).toEqual({ status: "closed" });
  expect(listener).toHaveBeenCalledOnce();
});

test("a_channel_opened_again_after_its_end_connects_anew_and_starts_over", async () => {
  const { client, channel, onReset } = setUp();
  channel.open(TARGET);
  await settle();
  channel.release();
  await settle();
  channel.open(TARGET);
  await settle();
  expect(client.connections.map(({ closed }) => closed)).toEqual([true, false]);
  expect(onReset).toHaveBeenCalledOnce();
});

test("a_url_that_no_websocket_takes_is_told_and_ends_closed", async () => {
  const { client, channel, onError } = setUp();
  const refusal = new SyntaxError("bad URL");
  client.connect = () => {
    throw refusal;
  };
  channel.open({ url: "nonsense" });
  const early = channel.send("early");
  await settle();
  expect(onError).toHaveBeenCalledExactlyOnceWith(refusal);
  expect(channel.status()).toEqual({ status: "closed", reason: "bad URL" });
  for (const receipt of [early, channel.send("late")]) expect(receipt).toMatchObject({ state: "rejected", error: { code: "closed" } });
});

test("the_last_value_of_a_turn_is_shown_and_shown_again_on_each_new_connection", async () => {
  const { client, channel } = setUp();
  channel.show("before");
  channel.open(TARGET);
  await settle();
  channel.show(null);
  channel.show("after");
  await settle();
  channel.reconnect();
  await settle();
  expect(client.connections.map(({ shown }) => shown)).toEqual([["before", "after"], ["after"]]);
});
