// The page that is measured: the three clients, and what the driver calls through `window.bench`.
import init, { connect } from "/client/patchcast_client.js";

// Each gives `onMessage` what comes and returns the function that ends it. `onOpen` is called when the room's history is there.
const clients = {
  /** The lesson's `useSocket`, without React around it. */
  bare(url, onMessage, onOpen) {
    const socket = new WebSocket(url);
    socket.onmessage = (event) => onMessage(JSON.parse(event.data));
    socket.onopen = onOpen;
    return () => socket.close();
  },
  /** Reads the frames of sessions as the bare client reads its own, and keeps nothing of what sessions promise: the floor for who does. */
  parse(url, onMessage) {
    const socket = new WebSocket(url, "patchcast.v1");
    socket.onmessage = (event) => {
      const { type, entries } = JSON.parse(event.data);
      if (type === "entries") for (const { data } of entries) onMessage(data);
    };
    return () => socket.close();
  },
  patches(url, onMessage, onOpen) {
    return connect(url, onMessage, { protocol: "patches", onStatus: (status) => status === "open" && onOpen() }).close;
  },
  sessions(url, onMessage, onOpen) {
    return connect(url, onMessage, { onStatus: (status) => status === "open" && onOpen() }).close;
  },
};

/** Milliseconds from connecting to the room's last patch. Every message here is an array of patches, also an entry. */
function join(client, url, count) {
  return new Promise((resolve) => {
    let received = 0;
    const began = performance.now();
    const close = clients[client](
      url,
      (message) => {
        received += message.length;
        if (received < count) return;
        resolve(performance.now() - began);
        setTimeout(close);
      },
      () => {},
    );
  });
}

let stream;

/** Connects to an empty room, to which `count` messages will be sent. */
function open(client, url, count) {
  return new Promise((opened) => {
    stream = new Promise((resolve) => {
      let received = 0;
      let began;
      const close = clients[client](
        url,
        (message) => {
          // The history of a plain room.
          if (message.length === 0) return;
          if (received === 0) began = performance.now();
          received += 1;
          if (received < count) return;
          resolve(performance.now() - began);
          setTimeout(close);
        },
        opened,
      );
    });
  });
}

/** Milliseconds from the first of the messages to the last. */
function received() {
  return stream;
}

let lots;

/** Makes `count` clients without a network, and for each the events of all recorded frames. */
async function prepare(client, dialect, count) {
  const { first, frames } = await recorded(dialect);
  lots = Array.from({ length: count }, () => {
    const lot = { client, received: 0, events: frames.map(message) };
    const onMessage = (message) => (lot.received += message.length);
    Object.assign(lot, withoutNetwork(() => clients[client]("ws://nowhere/", onMessage, () => {})));
    lot.socket.onopen?.(new Event("open"));
    lot.socket.onmessage(message(first));
    return lot;
  });
}

/** Gives the events to the clients' own handlers, one after the other. */
async function handle() {
  for (const { socket, events } of lots) {
    for (const event of events) socket.onmessage(event);
  }
  for (const { client, close, events, received } of lots.splice(0)) {
    close();
    if (received !== events.length) throw new Error(`${client} delivered ${received} of ${events.length} messages`);
  }
}

const recordings = {};

/** The same strings for all rounds; each as JSON.parse makes it, whole and by itself. */
async function recorded(dialect) {
  recordings[dialect] ??= await (await fetch(`/recorded/${dialect}.json`)).json();
  return recordings[dialect];
}

function message(data) {
  return new MessageEvent("message", { data });
}

/** What `start` connects is a socket that leads nowhere, and is given back. */
function withoutNetwork(start) {
  let socket;
  const { WebSocket } = globalThis;
  globalThis.WebSocket = class {
    readyState = WebSocket.OPEN;
    bufferedAmount = 0;

    constructor(url, protocols = []) {
      this.protocol = protocols.includes("patchcast.v1") ? "patchcast.v1" : "";
      socket = this;
    }
    send() {}
    close() {}
  };
  try {
    const close = start();
    return { socket, close };
  } finally {
    globalThis.WebSocket = WebSocket;
  }
}

await init();
window.bench = { join, open, received, prepare, handle };
