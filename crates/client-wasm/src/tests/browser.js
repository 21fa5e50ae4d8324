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

/** No network: what a socket does, the test says. */
export class FakeSockets {
  constructor() {
    const fake = this;
    this.sockets = [];
    this.refuse = false;
    this.whenSent = undefined;
    this.webSocket = globalThis.WebSocket;
    globalThis.WebSocket = class extends FakeSocket {
      constructor(...args) {
        super(fake, ...args);
      }
    };
  }

  socket() {
    return this.sockets.at(-1);
  }

  /** The one before the newest. */
  olderSocket() {
    return this.sockets.at(-2);
  }

  socketCount() {
    return this.sockets.length;
  }

  refuseSockets() {
    this.refuse = true;
  }

  /** Calls `callback` while the next message is being sent. */
  duringNextSend(callback) {
    this.whenSent = callback;
  }

  restore() {
    globalThis.WebSocket = this.webSocket;
  }
}

/** No network, no clock and no chance (always one half): what happens, and when, the test says. */
export class FakeBrowser extends FakeSockets {
  constructor() {
    super();
    this.timers = new Map();
    this.timersMade = 0;
    this.onlineListeners = new Set();
    this.original = {
      setTimeout: globalThis.setTimeout,
      clearTimeout: globalThis.clearTimeout,
      addEventListener: globalThis.addEventListener,
      removeEventListener: globalThis.removeEventListener,
    };
    this.random = Math.random;
    Math.random = () => 0.5;
    this.now = performance.now;
    this.clock = 1000;
    performance.now = () => this.clock;
    Object.assign(globalThis, {
      setTimeout: (callback, ms) => {
        this.timers.set(++this.timersMade, { callback, ms });
        return this.timersMade;
      },
      clearTimeout: (id) => this.timers.delete(id),
      addEventListener: (type, listener) => type === "online" && this.onlineListeners.add(listener),
      removeEventListener: (type, listener) => type === "online" && this.onlineListeners.delete(listener),
    });
  }

  /** The milliseconds of the timers that run, as JSON. */
  runningTimers() {
    return JSON.stringify([...this.timers.values()].map(({ ms }) => ms));
  }

  /** Lets the time pass until the oldest timer fires. */
  fireTimer() {
    const [id, { callback, ms }] = [...this.timers][0];
    this.timers.delete(id);
    this.clock += ms;
    callback();
  }

  goOnline() {
    for (const listener of [...this.onlineListeners]) listener(new Event("online"));
  }

  listenerCount() {
    return this.onlineListeners.size;
  }

  restore() {
    super.restore();
    Object.assign(globalThis, this.original);
    Math.random = this.random;
    performance.now = this.now;
  }
}

class FakeSocket {
  constructor(fake, url, offered) {
    if (fake.refuse) throw new DOMException("forbidden here", "SecurityError");
    Object.assign(this, { fake, url, offered, protocol: "", readyState: 0, bufferedAmount: 0, sent: [] });
    Object.assign(this, { onopen: null, onmessage: null, onclose: null });
    fake.sockets.push(this);
  }

  send(text) {
    this.sent.push(text);
    const whenSent = this.fake.whenSent;
    this.fake.whenSent = undefined;
    whenSent?.();
  }

  close(code) {
    this.closedWith ??= code;
    this.readyState = 2;
  }

  // What the test does.

  /** Opens it with the last subprotocol that was offered. */
  open() {
    this.openAs(this.offered.at(-1) ?? "");
  }

  openAs(protocol) {
    this.protocol = protocol;
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

  offers() {
    return JSON.stringify(this.offered);
  }

  sentTexts() {
    return this.sent.join("\n");
  }

  isReleased() {
    return this.readyState >= 2 && !this.onopen && !this.onmessage && !this.onclose;
  }
}

/** A browser without IndexedDB, as pages of strangers have it. */
export class NoStorage {
  constructor() {
    this.original = Object.getOwnPropertyDescriptor(globalThis, "indexedDB");
    Object.defineProperty(globalThis, "indexedDB", { value: undefined, configurable: true });
  }

  restore() {
    Object.defineProperty(globalThis, "indexedDB", this.original);
  }
}

/** What a person does who clears the page's data. */
export function deleteStorage() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase("patchcast");
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}
