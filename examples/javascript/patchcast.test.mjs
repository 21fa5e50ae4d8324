// The smallest client against a real server, whose address is in PATCHCAST_TEST_URL (http://127.0.0.1:PORT).
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect as dial, createServer } from "node:net";
import { test } from "node:test";
import { connect } from "./patchcast.mjs";

const server = new URL(process.env.PATCHCAST_TEST_URL);

test("over broken connections every entry comes once, in one order, and what is sent is stored once", { timeout: 30_000 }, async () => {
  const room = `javascript/${randomUUID()}`;
  const link = await openLink();
  const ann = join(`ws://127.0.0.1:${link.port}/${room}`);
  const bea = join(`ws://${server.host}/${room}`);

  ann.send("one");
  await Promise.all([ann.have(1), bea.have(1)]);

  link.loseAnswers(); // The ack of this one never comes.
  ann.send("two");
  await bea.have(2);
  assert.equal(ann.entries.length, 1);
  link.cut();
  bea.send("three");
  ann.send("four"); // While there is no connection.
  await Promise.all([ann.have(4), bea.have(4)]);

  link.cut();
  bea.send("five");
  await ann.have(5);
  const joiner = join(`ws://${server.host}/${room}`);
  joiner.send("end");
  await Promise.all([ann, bea, joiner].map((client) => client.have(6)));

  assert.deepEqual(ann.entries.map(([seq]) => seq), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(ann.entries.map(([, data]) => data).sort(), ["end", "five", "four", "one", "three", "two"]);
  assert.deepEqual(ann.entries, bea.entries);
  assert.deepEqual(ann.entries, joiner.entries);
});

function join(url) {
  const entries = [];
  const waiting = [];
  const send = connect(url, (data, seq) => {
    entries.push([seq, data]);
    for (const wake of waiting.splice(0)) wake();
  });
  const have = async (count) => {
    while (entries.length < count) await new Promise((resolve) => waiting.push(resolve));
  };
  return { entries, send, have };
}

/** A way to the server that can lose what the server says, and break without a close frame. */
async function openLink() {
  const sockets = new Set();
  let deaf = false;
  const listener = createServer((near) => {
    const far = dial(Number(server.port), server.hostname);
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.on("data", (data) => {
        if (!(deaf && from === far)) to.write(data);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  return {
    port: listener.address().port,
    loseAnswers: () => (deaf = true),
    cut() {
      deaf = false;
      for (const socket of sockets) socket.resetAndDestroy();
      sockets.clear();
    },
  };
}
