// The smallest client of Patchcast's sessions that loses nothing and doubles nothing. docs/sessions.md shows it.

/** Calls `onEntry(data, seq)` for every entry of the room, in order; returns the function that sends one. */
export function connect(url, onEntry, onReset = () => {}) {
  const secret = crypto.randomUUID(); // Its characters are among base64url's.
  const pending = new Map(); // From id to message: what is not yet in the log, in the order in which it was sent.
  let lastId = 0;
  let position; // What the client has of the room.
  let socket, welcome, live;

  function open() {
    [welcome, live] = [undefined, false];
    socket = new WebSocket(url, "patchcast.v1");
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", version: 1, secret, since: position }));
    socket.onmessage = (event) => receive(JSON.parse(event.data));
    socket.onclose = ({ code, reason }) => {
      live = false;
      const stop = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 1015].includes(code) || (code >= 4000 && code < 4100);
      if (stop) console.error("closed for good:", code, reason);
      else setTimeout(open, Math.random() * 2000);
    };
  }

  function receive(message) {
    switch (message.type) {
      case "reset":
        position = undefined;
        onReset();
        break;
      case "welcome":
        welcome = message;
        position = { epoch: welcome.epoch, seq: position?.seq ?? 0 };
        break;
      case "entries":
        message.entries.forEach((entry, i) => arrive(message.after + 1 + i, entry));
        break;
      case "ack": // Our own entry, without what we know ourselves.
        arrive(message.seq, { ...JSON.parse(pending.get(message.id) ?? "{}"), client: welcome.client });
        break;
      case "reject":
        pending.delete(message.id);
        console.error("rejected:", message.reason);
        break;
    }
    if (!live && welcome && position.seq >= welcome.head) {
      live = true;
      for (const op of pending.values()) socket.send(op);
    }
  }

  function arrive(seq, { client, id, data }) {
    if (seq > position.seq + 1) return socket.close(); // A gap: join again.
    if (client === welcome.client) pending.delete(id);
    if (seq <= position.seq) return; // Seen already.
    position.seq = seq;
    onEntry(data, seq);
  }

  open();
  return function send(data) {
    const id = ++lastId;
    pending.set(id, JSON.stringify({ type: "op", id, data }));
    if (live) socket.send(pending.get(id));
  };
}
