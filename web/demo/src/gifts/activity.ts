// Says in a sentence what somebody else has just changed, for the eye and for screen readers.
import type { GiftList } from "./model.js";

/** One sentence about what lies between the two lists; empty when nothing that is shown has changed. */
export function describeChanges(before: GiftList, after: GiftList): string {
  const sentences: string[] = [];
  for (const [id, gift] of Object.entries(after.gifts)) {
    const old = before.gifts[id];
    if (old === gift) continue;
    if (!old) sentences.push(`“${gift.title}” was added.`);
    else if (old.reservedBy === gift.reservedBy) sentences.push(`“${gift.title}” was changed.`);
    else if (gift.reservedBy === null) sentences.push(`“${gift.title}” is free again.`);
    else sentences.push(`${after.users[gift.reservedBy]?.name ?? "Somebody"} reserved “${gift.title}”.`);
  }
  for (const [id, gift] of Object.entries(before.gifts)) {
    if (!after.gifts[id]) sentences.push(`“${gift.title}” was taken off the list.`);
  }
  return sentences.length > 1 ? `The list changed in ${sentences.length} places.` : (sentences[0] ?? "");
}
