// The gift list between the page and the room: edits go out as patches once, patches of others come in.
// Knows nothing of React, so that nothing is sent from inside a render or a state updater, which may run twice.
import { applyPatches, enablePatches, produceWithPatches, type Patch } from "immer";
import type { MessageInfo, Receipt, Status, StatusDetail } from "@patchcast/react";
import { Pending } from "../common/pending.js";
import { Store } from "../common/store.js";
import { describeChanges } from "./activity.js";
import { initialState, isGiftList, type GiftList, type Recipe } from "./model.js";

enablePatches();

/** How many own edits can be undone. */
export const UNDO_LIMIT = 100;

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
export type Outlet = (patches: readonly Patch[]) => Receipt;

interface Edit {
  readonly patches: readonly Patch[];
  readonly inverse: readonly Patch[];
}

export class GiftStore extends Store<Snapshot> {
  #outlet: Outlet | undefined;
  /** What the room says, in its order: on every page the same. */
  #confirmed: GiftList = initialState;
  /** Own edits on their way, which the page shows on top of that. */
  readonly #pending = new Pending<readonly Patch[]>({
    placed: ({ message }) => {
      this.#confirmed = apply(this.#confirmed, message);
      this.changed();
    },
    refused: ({ receipt: { error } }) => {
      // Closing loses nothing: what was on its way is kept by the browser, and comes back as a message.
      if (error && error.code !== "closed") this.tell(`That edit was not made: ${error.message}.`);
    },
  });
  #undo: readonly Edit[] = [];
  #redo: readonly Edit[] = [];
  #activity = "";
  #notice = "";

  attach(outlet: Outlet): void {
    this.#outlet = outlet;
  }

  /** Runs the recipe on the list, shows the outcome and sends its patches; one edit, one message. */
  edit(recipe: Recipe): void {
    const [, patches, inverse] = produceWithPatches(this.snapshot().list, recipe);
    if (patches.length === 0 || !this.#send(patches)) return;
    this.#undo = [...this.#undo, { patches, inverse }].slice(-UNDO_LIMIT);
    this.#redo = [];
  }

  undo(): void {
    const edit = this.#undo.at(-1);
    if (!edit) return;
    this.#undo = this.#undo.slice(0, -1);
    if (this.#replay(edit.inverse, "That cannot be undone: somebody else has changed it since.")) this.#redo = [...this.#redo, edit];
    this.changed();
  }

  redo(): void {
    const edit = this.#redo.at(-1);
    if (!edit) return;
    this.#redo = this.#redo.slice(0, -1);
    if (this.#replay(edit.patches, "That cannot be done again: somebody else has changed it since.")) this.#undo = [...this.#undo, edit];
    this.changed();
  }

  /** One message of the room. Anyone may send anything: what does not fit is left out, on every page alike. */
  receive = (message: unknown, info: MessageInfo): void => {
    const before = this.#confirmed;
    this.#confirmed = apply(before, message);
    // What is news to nobody, since it happened before this page came, is not told.
    if (!info.history && !info.own) this.#activity = describeChanges(before, this.#confirmed) || this.#activity;
    this.#pending.received(info);
    this.changed();
  };

  startOver = (): void => {
    this.#confirmed = initialState;
    this.#pending.startOver();
    this.changed();
  };

  statusChanged = (status: Status, detail: StatusDetail): void => this.#pending.statusChanged(status, detail);

  tell = (notice: string): void => {
    this.#notice = notice;
    this.changed();
  };

  protected compute(): Snapshot {
    return {
      list: this.#pending.entries.reduce((list, { message }) => apply(list, message), this.#confirmed),
      canUndo: this.#undo.length > 0,
      canRedo: this.#redo.length > 0,
      activity: this.#activity,
      notice: this.#notice,
    };
  }

  #replay(patches: readonly Patch[], refusal: string): boolean {
    if (tryApply(this.snapshot().list, patches)) return this.#send(patches);
    this.tell(refusal);
    return false;
  }

  #send(patches: readonly Patch[]): boolean {
    const receipt = this.#outlet?.(patches);
    if (!receipt) return false;
    this.#notice = "";
    this.#pending.add(patches, receipt);
    this.changed();
    return receipt.state !== "rejected";
  }
}

/**
 * The list with what fits of the patches; the list itself when they are no patches.
 *
 * Two people who edit at once can send patches of which the later ones no longer fit, such as a reservation of a gift
 * that was taken back.
 */
function apply(list: GiftList, patches: unknown): GiftList {
  if (!Array.isArray(patches)) return list;
  return tryApply(list, patches) ?? patches.reduce<GiftList>((before, patch) => tryApply(before, [patch]) ?? before, list);
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
