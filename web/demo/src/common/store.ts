// What a page shows, made of what the store holds. Knows nothing of React, which reads it through `useSyncExternalStore`.

export abstract class Store<Snapshot> {
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot | undefined;
  #telling = false;

  /** Everything that the page shows, from scratch. */
  protected abstract compute(): Snapshot;

  /** The same object until something changes. */
  snapshot = (): Snapshot => (this.#snapshot ??= this.compute());

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /**
   * Call it after each change. Listeners are told once, at the end of the turn, and the snapshot is made when somebody
   * looks: thousands of messages come in one turn when a page joins, and they are shown once.
   */
  protected changed(): void {
    this.#snapshot = undefined;
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}
