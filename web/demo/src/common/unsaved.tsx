// Says whether everything that was done at this page is in the room for good.
import { SaveIcon } from "./save-icon.js";

export function Unsaved({ count }: { readonly count: number }) {
  const words = count === 0 ? "All saved" : `${count} ${count === 1 ? "edit" : "edits"} not saved yet`;
  return (
    <span className="unsaved" data-unsaved={count}>
      <SaveIcon saved={count === 0} />
      {words}
    </span>
  );
}
