// A room in memory that keeps the rules of sessions: one order for all, an ack in the place of one's own message, and
// what waits is sent again after each connect, once.
import type { MessageInfo, Receipt, ReceiptState, SendErrorCode } from "@patchcast/react";

export interface Page {
  receive(message: unknown, info: MessageInfo): void;
  startOver(): void;
}

export class TestReceipt implements Receipt {
  state: ReceiptState = "queued";
  id: number | undefined = undefined;
  seq: number | undefined = undefined;
  error: Receipt["error"] = undefined;
  #listener = (_: Receipt) => {};

  becomes(state: ReceiptState, seq?: number): void {
    Object.assign(this, { state, seq });
    this.#listener(this);
  }

  refuse(code: SendErrorCode, message = "refused"): this {
    this.error = Object.assign(new Error(message), { code });
    this.becomes("rejected");
    return this;
  }

  onChange(listener: (receipt: Receipt) => void): () => void {
    this.#listener = listener;
    return () => {};
  }

  then: Receipt["then"] = (onSaved, onRejected) =>
    (this.error ? Promise.reject(this.error) : Promise.resolve({ seq: this.seq!, time: timeOf(this.seq!), durability: "fsync" as const })).then(
      onSaved,
      onRejected,
    );
}

export class Room {
  readonly log: Array<{ readonly message: unknown; readonly from: Member | undefined }> = [];
  readonly members: Member[] = [];
  /** While true, nothing moves: what members send is on its way. */
  held = false;

  join(page: Page): Member {
    const member = new Member(this, page);
    this.members.push(member);
    member.catchUp();
    return member;
  }

  /** Somebody whom no test looks at. */
  hear(message: unknown): void {
    this.log.push({ message, from: undefined });
    this.move();
  }

  /** Lets everything arrive: first what the members send, in the order of the members, then what they receive. */
  move(): void {
    if (this.held) return;
    for (const member of this.members) member.flush();
    for (const member of this.members) member.catchUp();
  }
}

export class Member {
  connected = true;
  #position = 0;
  /** Where live messages begin: what lies before was in the room at the last connect. */
  #joinedAt = 0;
  #waiting: Array<{ readonly message: unknown; readonly receipt: TestReceipt; readonly comesBack: boolean }> = [];
  /** In the log, and not seen there yet. */
  #placed: Array<{ readonly receipt: TestReceipt; readonly comesBack: boolean }> = [];

  constructor(
    readonly room: Room,
    readonly page: Page,
  ) {
    this.#joinedAt = room.log.length;
  }

  send = (message: unknown): Receipt => {
    const receipt = new TestReceipt();
    this.#waiting.push({ message: JSON.parse(JSON.stringify(message)), receipt, comesBack: false });
    // Not before whoever sends has the receipt.
    queueMicrotask(() => this.room.move());
    return receipt;
  };

  connect(): void {
    this.connected = true;
    this.#joinedAt = this.room.log.length;
    this.room.move();
  }

  disconnect(): void {
    this.connected = false;
  }

  /** As after the server lost its log and got it back in another one. */
  reset(): void {
    this.#position = 0;
    this.#joinedAt = this.room.log.length;
    this.#waiting = this.#waiting.map((op) => ({ ...op, comesBack: true }));
    this.page.startOver();
    this.catchUp();
  }

  flush(): void {
    if (!this.connected) return;
    for (const { message, ...op } of this.#waiting.splice(0)) {
      this.room.log.push({ message, from: this });
      this.#placed.push(op);
    }
  }

  catchUp(): void {
    while (this.connected && this.#position < this.room.log.length) {
      const { message, from } = this.room.log[this.#position]!;
      this.#position += 1;
      const own = from === this;
      const op = own ? this.#placed.shift() : undefined;
      const seq = this.#position;
      if (!op || op.comesBack) this.page.receive(structuredClone(message), { history: seq <= this.#joinedAt, seq, time: timeOf(seq), own });
      op?.receipt.becomes("ordered", seq);
      op?.receipt.becomes("durable", seq);
    }
  }
}

export function timeOf(seq: number): number {
  return 1_767_225_600_000 + seq;
}

/** Everything that is on its way arrives. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
