// Fills rooms of the real server, counts what a joiner receives, and records what it sends while a room is live.

// Few enough that the server sends each by itself: a reader that is far behind gets batches.
const WINDOW = 128;
// A patch, or in its place the acknowledgement of an own one.
const MESSAGE = /"op":|"type":"ack"/;
const HELLO = { type: "hello", version: 1, kind: "stream" };

/** The n-th message of all rooms: one patch of the gift list, as in the server's benchmark. */
function patch(n) {
  return `[{"op":"replace","path":["gifts","immer_license","reservedBy"],"value":"user-${String(n).padStart(8, "0")}-michel"}]`;
}

/** Puts `count` messages into the room at `url`; resolves when all are stored. */
export async function fill(dialect, url, count) {
  const writer = await Member.join(dialect, url);
  // Comes after all others of the room, and so tells that they are stored. The plain dialect acknowledges nothing.
  const reader = dialect === "patches" ? await Member.join(dialect, url) : writer;
  for (let n = 1; n <= count; n += 1) writer.write(n);
  await reader.received(count);
  writer.close();
  reader.close();
}

/** Bytes, frame headers included, that a joiner of the room receives up to its last message. */
export async function bytesOfJoining(dialect, url, count) {
  const member = await Member.join(dialect, url);
  await member.received(count);
  member.close();
  return member.frames.reduce((bytes, text) => bytes + headerBytes(text.length) + text.length, 0);
}

/** What a member of an empty room receives while another writes `count` messages: the frame that it joins with, and one a message. */
export async function record(dialect, url, count) {
  const [writer, reader] = [await Member.join(dialect, url), await Member.join(dialect, url)];
  for (let n = 1; n <= count; n += 1) {
    writer.write(n);
    await reader.received(n - WINDOW);
  }
  await reader.received(count);
  writer.close();
  reader.close();
  const [first, ...rest] = reader.frames;
  const frames = rest.filter((text) => MESSAGE.test(text));
  if (frames.length !== count) throw new Error(`${count} messages came in ${frames.length} frames: the server has put some together`);
  return { first, frames };
}

/** The header of a server's frame of so many bytes (RFC 6455, section 5.2). */
export function headerBytes(length) {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10;
}

class Member {
  frames = [];
  #socket;
  #dialect;
  #seen = 0;
  #received = 0;
  #closed;
  /** Looks again whether what is waited for is so. */
  #waiting = () => {};

  /** Resolves when the room has let it in. */
  static async join(dialect, url) {
    const member = new Member();
    member.#dialect = dialect;
    const socket = new WebSocket(url, dialect === "sessions" ? ["patchcast.v1"] : []);
    member.#socket = socket;
    socket.onopen = () => member.#waiting();
    socket.onmessage = ({ data }) => {
      member.frames.push(data);
      member.#waiting();
    };
    socket.onclose = ({ code, reason }) => {
      member.#closed = new Error(`${url}: the server closed the connection with ${code} ${reason}`);
      member.#waiting();
    };
    await member.#until(() => socket.readyState === WebSocket.OPEN);
    if (dialect === "sessions") {
      const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
      socket.send(JSON.stringify({ ...HELLO, secret }));
    }
    await member.#until(() => member.frames.length > 0);
    return member;
  }

  write(n) {
    this.#socket.send(this.#dialect === "sessions" ? `{"type":"op","id":${n},"data":${patch(n)}}` : patch(n));
  }

  /** So many messages of the room, own ones included, however many are in a frame. */
  received(count) {
    return this.#until(() => {
      while (this.#seen < this.frames.length) this.#received += this.frames[this.#seen++].split(MESSAGE).length - 1;
      return this.#received >= count;
    });
  }

  close() {
    this.#socket.onclose = null;
    this.#socket.close();
  }

  #until(isSo) {
    return new Promise((resolve, reject) => {
      this.#waiting = () => {
        if (isSo()) resolve();
        else if (this.#closed) reject(this.#closed);
      };
      this.#waiting();
    });
  }
}
