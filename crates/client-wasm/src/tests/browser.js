// Stand-ins for what of the browser a test wants to hold in its hand: sockets, timers, the network's coming back.

/** The browser's own WebSocket, but the test can reach the sockets that are made, to cut them. */
export class TrackedSockets {
  constructor() {
    const sockets = (this.sockets = []);
    this.original = globalThis.WebSocket;
    globalThis.WebSocket = class extends this.original {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    };
  }

  /** Closes the newest socket behind the client's back; it sees a close without a code, as after a cut. */
  cut() {
    this.sockets.at(-1).close();
  }

  restore() {
    globalThis.WebSocket = this.original;
  }
}

/** No network, no clock and no chance (always one half): what happens, and when, the test says. */
export class FakeBrowser {
  constructor() {
    const fake = this;
    this.sockets = [];
    this.timers = new Map();
    this.timersMade = 0;
    this.refuse = false;
    this.onlineListeners = new Set();
    this.whenSent = undefined;
    this.original = {
      WebSocket: globalThis.WebSocket,
      setTimeout: globalThis.setTimeout,
      clearTimeout: globalThis.clearTimeout,
      addEventListener: globalThis.addEventListener,
      removeEventListener: globalThis.removeEventListener,
    };
    this.random = Math.random;
    Math.random = () => 0.5;
    Object.assign(globalThis, {
      WebSocket: class extends FakeSocket {
        constructor(...args) {
          super(fake, ...args);
        }
      },
      setTimeout: (callback, ms) => {
        this.timers.set(++this.timersMade, { callback, ms });
        return this.timersMade;
      },
      clearTimeout: (id) => this.timers.delete(id),
      addEventListener: (type, listener) => type === "online" && this.onlineListeners.add(listener),
      removeEventListener: (type, listener) => type === "online" && this.onlineListeners.delete(listener),
    });
  }

  socket() {
    return this.sockets.at(-1);
  }

  socketCount() {
    return this.sockets.length;
  }

  /** The milliseconds of the timers that run, as JSON. */
  runningTimers() {
    return JSON.stringify([...this.timers.values()].map(({ ms }) => ms));
  }

  fireTimer() {
    const [id, { callback }] = [...this.timers][0];
    this.timers.delete(id);
    callback();
  }

  goOnline() {
    for (const listener of [...this.onlineListeners]) listener(new Event("online"));
  }

  listenerCount() {
    return this.onlineListeners.size;
  }

  refuseSockets() {
    this.refuse = true;
  }

  /** Calls `callback` while the next message is being sent. */
  duringNextSend(callback) {
    this.whenSent = callback;
  }

  restore() {
    Object.assign(globalThis, this.original);
    Math.random = this.random;
  }
}

class FakeSocket {
  constructor(fake, url, protocol) {
    if (fake.refuse) throw new DOMException("forbidden here", "SecurityError");
    Object.assign(this, { fake, url, protocol, readyState: 0, bufferedAmount: 0, sent: [] });
    Object.assign(this, { onopen: null, onmessage: null, onclose: null });
    fake.sockets.push(this);
  }

  send(text) {
    this.sent.push(text);
    const whenSent = this.fake.whenSent;
    this.fake.whenSent = undefined;
    whenSent?.();
  }

  close() {
    this.readyState = 2;
  }

  // What the test does.

  open() {
    this.readyState = 1;
    this.onopen(new Event("open"));
  }

  receive(data) {
    this.onmessage(new MessageEvent("message", { data }));
  }

  lose(code, reason) {
    this.readyState = 3;
    this.onclose(new CloseEvent("close", { code, reason }));
  }

  beginToClose() {
    this.readyState = 2;
  }

  congest(bytes) {
    this.bufferedAmount = bytes;
  }

  sentTexts() {
    return this.sent.join("\n");
  }

  isReleased() {
    return this.readyState >= 2 && !this.onopen && !this.onmessage && !this.onclose;
  }
}
