// The gift list between the page and the room: edits go out as patches once, patches of others come in.
// Knows nothing of React, so that nothing is sent from inside a render or a state updater, which may run twice.
import { applyPatches, enablePatches, produceWithPatches, type Patch } from "immer";
import type { MessageInfo, Status } from "@patchcast/react";
import { describeChanges } from "./activity.js";
import { initialState, isGiftList, type GiftList, type Recipe } from "./model.js";

enablePatches();

/** How many own edits can be undone. */
export const UNDO_LIMIT = 100;

/** What the page shows. The object changes only when its content does. */
export interface Snapshot {
  readonly list: GiftList;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  /** What somebody else did last. */
  readonly activity: string;
  /** What went wrong last, in words for the person at the page. */
  readonly notice: string;
}

/** The way out into the room: `useSocket`'s send is one. */
export interface Outlet {
  (patches: readonly Patch[]): boolean;
  reconnect(): void;
}

interface Edit {
  readonly patches: readonly Patch[];
  readonly inverse: readonly Patch[];
}

export class GiftStore {
  #outlet: Outlet | undefined;
  #snapshot: Snapshot = { list: initialState, canUndo: false, canRedo: false, activity: "", notice: "" };
  #undo: Edit[] = [];
  #redo: Edit[] = [];
  #listeners = new Set<() => void>();

  /** False until this connection's history has arrived. */
  #joined = false;
  /**
   * Own edits since the connection was lost. They reach the room after the history that comes at the next join,
   * and never come back to their author: so they are put on top of it.
   */
  #ahead: Array<readonly Patch[]> = [];

  attach(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): Snapshot => this.#snapshot;

  /** Runs the recipe on the list, shows the outcome and sends its patches; one edit, one message. */
  edit(recipe: Recipe): void {
    const [list, patches, inverse] = produceWithPatches(this.#snapshot.list, recipe);
    if (patches.length === 0 || !this.#send(patches)) return;
    this.#undo = [...this.#undo, { patches, inverse }].slice(-UNDO_LIMIT);
    this.#redo = [];
    this.#show({ list, notice: "" });
  }

  undo(): void {
    const edit = this.#undo.at(-1);
    if (!edit) return;
    this.#undo = this.#undo.slice(0, -1);
    if (this.#replay(edit.inverse, "That cannot be undone: somebody else has changed it since.")) this.#redo = [...this.#redo, edit];
    this.#show({});
  }

  redo(): void {
    const edit = this.#redo.at(-1);
    if (!edit) return;
    this.#redo = this.#redo.slice(0, -1);
    if (this.#replay(edit.patches, "That cannot be done again: somebody else has changed it since.")) this.#undo = [...this.#undo, edit];
    this.#show({});
  }

  receive = (patches: readonly Patch[], { history }: MessageInfo): void => {
    if (history) this.#rebuild(patches);
    else this.#apply(patches);
  };

  statusChanged = (status: Status): void => {
    if (status !== "open") this.#joined = false;
  };

  tell = (notice: string): void => this.#show({ notice });

  /**
   * The list from the room's whole history.
   *
   * Two people who edit at once can leave patches in the log that no longer fit, such as a reservation of a gift
   * that was taken back. They are left out, one by one and on every page alike; nothing here can fail.
   */
  #rebuild(history: readonly Patch[]): void {
    this.#joined = true;
    let list = tryApply(initialState, history) ?? applyEach(initialState, history);
    for (const patches of this.#ahead.splice(0)) list = tryApply(list, patches) ?? applyEach(list, patches);
    this.#show({ list });
  }

  #apply(patches: readonly Patch[]): void {
    const before = this.#snapshot.list;
    const list = tryApply(before, patches);
    if (list) {
      this.#show({ list, activity: describeChanges(before, list) || this.#snapshot.activity });
      return;
    }
    // This page and the room no longer agree. The room's history does: ask for it again.
    this.#show({ notice: "An edit did not fit what you see, so the list was loaded again." });
    this.#outlet?.reconnect();
  }

  #replay(patches: readonly Patch[], refusal: string): boolean {
    const list = tryApply(this.#snapshot.list, patches);
    if (!list) {
      this.#show({ notice: refusal });
      return false;
    }
    if (!this.#send(patches)) return false;
    this.#show({ list, notice: "" });
    return true;
  }

  #send(patches: readonly Patch[]): boolean {
    if (!this.#outlet?.(patches)) {
      this.#show({ notice: "That edit was not made: too many edits wait for the connection." });
      return false;
    }
    if (!this.#joined) this.#ahead.push(patches);
    return true;
  }

  #show(change: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change, canUndo: this.#undo.length > 0, canRedo: this.#redo.length > 0 };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** The list with all patches applied; nothing when they do not fit or leave something that is no gift list. */
function tryApply(list: GiftList, patches: readonly Patch[]): GiftList | undefined {
  try {
    const next: unknown = applyPatches(list, patches as Patch[]);
    return isGiftList(next) ? next : undefined;
  } catch {
    return undefined;
  }
}

function applyEach(list: GiftList, patches: readonly Patch[]): GiftList {
  return patches.reduce((before, patch) => tryApply(before, [patch]) ?? before, list);
}
