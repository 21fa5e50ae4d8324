// From what the server says to what the app is told: messages and what comes with them, receipts, the presence of the others.
// `types.ts` describes what of it is the app's.
//
// Receipts and presence are changed by functions that no app can reach: those that a static block gives access to private members.

/** A message of the server; `undefined` for a frame that is none. */
export const read = (frame) => {
  try {
    const message = typeof frame === "string" ? JSON.parse(frame) : undefined;
    return typeof message === "object" && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
};

/** How many entries a message has that is one of entries, else -1. */
export const entryCount = ({ type, entries }) => (type === "entries" && Array.isArray(entries) ? entries.length : -1);

export const after = (message) => Number(message.after);

export const entryAt = (message, index) => message.entries[index];

/** The client's number for an entry of its own, 0 for one of others, -1 for what is none. */
export const ownId = (entry, client) =>
  typeof entry !== "object" || entry === null ? -1 : entry.client === client ? Number(entry.id) : 0;

export const messageInfo = (history) => ({ history });

/** An entry as the server would have sent it, of an op of our own. */
export const entryOf = (text, time, client) => ({ data: JSON.parse(text), time, client });

export const deliver = (onMessage, { data, time, client }, history, seq, own) =>
  void onMessage(data, { history, seq, time, client, own });

class Listeners {
  #entries = new Set();

  add(listener) {
    if (typeof listener !== "function") throw new TypeError("onChange takes a function");
    const entry = { listener };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** Calls all of them, and throws what the last of those threw that did. */
  call(argument) {
    let failure;
    for (const entry of [...this.#entries]) {
      try {
        if (this.#entries.has(entry)) entry.listener(argument);
      } catch (error) {
        failure = { error };
      }
    }
    if (failure) throw failure.error;
  }
}

export let numbered, sent, saved, rejected;

export class Receipt {
  #state = "queued";
  #id;
  #saved;
  #error;
  #listeners;
  #promise;
  #settle;

  static {
    numbered = (receipt, id) => void (receipt.#id = id);
    // An op may be sent again, after others were acknowledged.
    sent = (receipt) => receipt.#state === "queued" && receipt.#change("sent");
    saved = (receipt, state, saved) => {
      receipt.#saved = saved;
      receipt.#change(state);
    };
    rejected = (receipt, code, message) => {
      receipt.#error = Object.assign(new Error(message), { code });
      receipt.#change("rejected");
    };
  }

  get state() {
    return this.#state;
  }

  get id() {
    return this.#id;
  }

  get seq() {
    return this.#saved?.seq;
  }

  get error() {
    return this.#error;
  }

  onChange(listener) {
    this.#listeners ??= new Listeners();
    return this.#listeners.add(listener);
  }

  // The promise is made when somebody asks for it, so that a rejection that nobody waits for is not an unhandled one.
  then(onSaved, onRejected) {
    this.#promise ??= new Promise((resolve, reject) => {
      this.#settle = () => {
        if (this.#saved) resolve(this.#saved);
        if (this.#error) reject(this.#error);
      };
      this.#settle();
    });
    return this.#promise.then(onSaved, onRejected);
  }

  #change(state) {
    this.#state = state;
    this.#settle?.();
    this.#listeners?.call(this);
  }
}

export let changed, lost;

export class Presence {
  #others = new Map();
  #listeners = new Listeners();

  static {
    changed = (presence, { all, present = [], gone = [] }, own) => {
      const others = new Map(all ? [] : presence.#others);
      for (const client of gone) others.delete(client);
      for (const { client, data } of present) {
        if (client !== own) others.set(client, data);
      }
      presence.#change(others);
    };
    lost = (presence) => presence.#others.size > 0 && presence.#change(new Map());
  }

  get others() {
    return this.#others;
  }

  onChange(listener) {
    return this.#listeners.add(listener);
  }

  #change(others) {
    this.#others = others;
    this.#listeners.call();
  }
}
