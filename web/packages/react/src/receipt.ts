// Receipts for what is sent while the client is not there: one that follows the client's own later, and one of a refusal.
import type { Receipt, ReceiptState, Saved, SendError, SendErrorCode } from "@patchcast/client";

/** `queued` until it is told whom to follow; from then on whatever that one is. */
export class EarlyReceipt implements Receipt {
  #followed: Receipt | undefined;
  #listeners = new Set<(receipt: Receipt) => void>();
  #saved: Promise<Saved> | undefined;
  #resolve: ((receipt: Receipt) => void) | undefined;

  get state(): ReceiptState {
    return this.#followed?.state ?? "queued";
  }

  get id(): number | undefined {
    return this.#followed?.id;
  }

  get seq(): number | undefined {
    return this.#followed?.seq;
  }

  get error(): SendError | undefined {
    return this.#followed?.error;
  }

  onChange(listener: (receipt: Receipt) => void): () => void {
    // A function of its own, so that one listener may be added twice and taken off once.
    const entry = (receipt: Receipt) => listener(receipt);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  // The promise is made when somebody asks for it: a rejection that nobody waits for is nobody's unhandled one.
  then<A = Saved, B = never>(
    onSaved?: ((saved: Saved) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#saved ??= new Promise((resolve) => {
      if (this.#followed) resolve(this.#followed);
      else this.#resolve = resolve;
    });
    return this.#saved.then(onSaved, onRejected);
  }

  /** Call it once. May throw what a listener throws. */
  follow(receipt: Receipt): void {
    this.#followed = receipt;
    this.#resolve?.(receipt);
    receipt.onChange(this.#tell);
    if (receipt.state !== "queued") this.#tell();
  }

  #tell = (): void => {
    for (const listener of [...this.#listeners]) listener(this);
  };
}

/** Of a message that was never taken. Its state is final. */
export function refused(code: SendErrorCode, why: string): Receipt & { readonly error: SendError } {
  const error: SendError = Object.assign(new Error(why), { code });
  return {
    state: "rejected",
    id: undefined,
    seq: undefined,
    error,
    onChange: () => () => {},
    then: (onSaved, onRejected) => Promise.reject(error).then(onSaved, onRejected),
  };
}
