// What a client keeps across reloads, in IndexedDB: for each room, slots.
//
// A slot is one client: its secret, the last number that it gave an op, the ops that are not settled, its position. Whoever uses a
// slot holds its lock (Web Locks), which the browser takes from a page that is gone; so two tabs never use the same one, and what
// a crashed tab left behind is free for the next.

/** The slots of one room. `opened` gets the own slot first, then each that nobody uses and that has ops to send. */
export class Store {
  #closed = false;
  #users = 1;
  #database;

  constructor(room, secret, opened, failed) {
    this.#open(room, secret, opened)
      .catch((error) => this.#closed || failed(error))
      .finally(() => this.#release());
  }

  /** Gives nothing more. Slots that were given stay open. */
  close() {
    this.#closed = true;
  }

  async #open(room, secret, opened) {
    if (!globalThis.indexedDB || !globalThis.navigator?.locks) throw new Error("this browser, or this page, has no storage");
    await closing;
    this.#database = await openDatabase();
    // A deletion of the database, or its next version, does not wait for us.
    this.#database.onversionchange = () => this.#database.close();
    let own = false;
    for (const { id, ops } of await this.#slots(room)) {
      if (own && ops === 0) continue;
      const unlock = await lock(id);
      if (!unlock) continue;
      own = true;
      if (!(await this.#give(id, unlock, opened))) return;
    }
    if (own) return;
    const id = crypto.randomUUID();
    const unlock = await lock(id);
    const transaction = this.#database.transaction("slots", "readwrite");
    await result(transaction.objectStore("slots").add({ id, room, secret, lastId: 0 }));
    await this.#give(id, unlock, opened);
  }

  /** The room's slots, those with ops first: what waits longest to be sent must not wait for its tab to come back. */
  async #slots(room) {
    const transaction = this.#database.transaction(["slots", "ops"]);
    const ops = transaction.objectStore("ops");
    const ids = await result(transaction.objectStore("slots").index("room").getAllKeys(room));
    const slots = await Promise.all(ids.map(async (id) => ({ id, ops: await result(ops.count(opsOf(id))) })));
    return slots.sort((a, b) => (b.ops > 0) - (a.ops > 0));
  }

  /** Reads a slot, whose lock is held only now, and hands it over; false when nobody wants it any more. */
  async #give(id, unlock, opened) {
    try {
      const transaction = this.#database.transaction(["slots", "ops"]);
      const [row, ops] = await Promise.all([
        result(transaction.objectStore("slots").get(id)),
        result(transaction.objectStore("ops").getAll(opsOf(id))),
      ]);
      if (!this.#closed) {
        this.#users += 1;
        opened(new Slot(this.#database, row, ops, async () => {
          await unlock();
          this.#release();
        }));
        return true;
      }
    } catch (error) {
      await unlock();
      throw error;
    }
    await unlock();
    return false;
  }

  #release() {
    this.#users -= 1;
    if (this.#users === 0) this.#database?.close();
  }
}

/** One client's part of the store. What is changed is written in order; what is changed at once, at once. */
class Slot {
  /** Told the number of the last op that is written. */
  onStored = () => {};
  /** Told once, when nothing more can be written. */
  onFailed = () => {};
  #database;
  #row;
  #changes = [];
  #writing;
  #release;

  constructor(database, row, ops, release) {
    Object.assign(this, { secret: row.secret, lastId: row.lastId, epoch: row.epoch, seq: row.seq, ops });
    this.#database = database;
    this.#row = row;
    this.#release = release;
  }

  put(id, text, bytes) {
    this.#row.lastId = id;
    this.#change({ put: { slot: this.#row.id, id, text, bytes } });
  }

  remove(id) {
    this.#change({ remove: [this.#row.id, id] });
  }

  moveTo(epoch, seq) {
    Object.assign(this.#row, { epoch, seq });
    this.#change({});
  }

  /** Writes what is left to write, and gives the slot free. */
  close() {
    this.onStored = this.onFailed = () => {};
    const closed = Promise.resolve(this.#writing).finally(this.#release);
    closing = Promise.all([closing, closed]);
  }

  #change(change) {
    this.#changes.push(change);
    this.#writing ??= this.#write().catch((error) => this.onFailed(error));
  }

  async #write() {
    // What else this turn changes belongs to the same transaction: an op's end and the position behind it.
    await undefined;
    while (this.#changes.length > 0) {
      const changes = this.#changes;
      this.#changes = [];
      // An op that is sent must outlive the machine's crash; for all else, to be some changes behind is harmless.
      const durability = changes.some((change) => change.put) ? "strict" : "relaxed";
      const transaction = this.#database.transaction(["slots", "ops"], "readwrite", { durability });
      transaction.objectStore("slots").put(this.#row);
      const ops = transaction.objectStore("ops");
      for (const { put, remove } of changes) {
        if (put) ops.put(put);
        if (remove) ops.delete(remove);
      }
      const { lastId } = this.#row;
      await new Promise((resolve, reject) => {
        transaction.oncomplete = resolve;
        transaction.onabort = () => reject(transaction.error);
      });
      this.onStored(lastId);
    }
    this.#writing = undefined;
  }
}

/** Slots of this page that are being closed: a connection that takes another's place finds its slot free. */
let closing;

function openDatabase() {
  const request = indexedDB.open("patchcast", 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("slots", { keyPath: "id" }).createIndex("room", "room");
    request.result.createObjectStore("ops", { keyPath: ["slot", "id"] });
  };
  return result(request);
}

/** All ops of a slot, in order. */
function opsOf(slot) {
  return IDBKeyRange.bound([slot, 0], [slot, Infinity]);
}

function result(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** A function that gives the slot's lock back; undefined when somebody else has it. */
function lock(slot) {
  return new Promise((resolve, reject) => {
    const held = navigator.locks.request(`patchcast ${slot}`, { ifAvailable: true }, (lock) => {
      if (!lock) return resolve();
      return new Promise((unlock) => {
        resolve(() => {
          unlock();
          return held;
        });
      });
    });
    held.catch(reject);
  });
}
