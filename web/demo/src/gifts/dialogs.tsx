// The two ways to put something on the list: describe it, or give a book's ISBN.
import { useId, useState } from "react";
import { Dialog } from "../common/dialog.js";
import { lookUpBook, parseIsbn, SAMPLE } from "./books.js";
import { PICTURES, type NewGift } from "./model.js";

interface AddDialogProps {
  readonly onAdd: (gift: Pick<NewGift, "title" | "emoji" | "author">, remark?: string) => void;
  readonly onClose: () => void;
}

const TITLE_LIMIT = 80;

export function AddGiftDialog({ onAdd, onClose }: AddDialogProps) {
  const [title, setTitle] = useState("");
  const [emoji, setEmoji] = useState<string>(PICTURES[0]);
  const titleId = useId();
  return (
    <Dialog title="Add a gift" submitLabel="Add to the list" onClose={onClose} onSubmit={() => onAdd({ title: title.trim(), emoji })}>
      <div className="field">
        <label htmlFor={titleId}>What should it be?</label>
        <input
          id={titleId}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
          required
          pattern=".*\S.*"
          maxLength={TITLE_LIMIT}
          autoComplete="off"
          autoFocus
        />
      </div>
      <fieldset className="pictures">
        <legend>Picture</legend>
        {PICTURES.map((picture) => (
          <label key={picture}>
            <input type="radio" name="picture" value={picture} checked={picture === emoji} onChange={() => setEmoji(picture)} />
            <span>{picture}</span>
          </label>
        ))}
      </fieldset>
    </Dialog>
  );
}

export function AddBookDialog({ onAdd, onClose }: AddDialogProps) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const isbnId = useId();
  const listId = useId();
  const problemId = useId();

  const submit = async () => {
    const isbn = parseIsbn(text);
    if (!isbn) {
      setProblem("That is no ISBN: it has 10 or 13 digits, and the last one checks the others.");
      return;
    }
    setProblem("");
    setBusy(true);
    const result = await lookUpBook(isbn);
    setBusy(false);
    switch (result.kind) {
      case "unknown":
        setProblem("Open Library does not know this ISBN.");
        break;
      case "unreachable":
        setProblem("Open Library cannot be reached, and the bundled sample does not have this book. Pick one of the suggestions.");
        break;
      case "found": {
        const remark = result.source === "sample" ? "Open Library could not be reached: the book comes from the bundled sample." : undefined;
        const { title, author } = result.book;
        onAdd({ title: title.slice(0, TITLE_LIMIT), emoji: "📖", author: author.slice(0, TITLE_LIMIT) }, remark);
      }
    }
  };

  return (
    <Dialog title="Add a book" submitLabel={busy ? "Looking it up…" : "Look up and add"} busy={busy} onClose={onClose} onSubmit={() => void submit()}>
      <div className="field">
        <label htmlFor={isbnId}>ISBN</label>
        <input
          id={isbnId}
          value={text}
          onChange={(event) => setText(event.target.value)}
          required
          inputMode="text"
          autoComplete="off"
          list={listId}
          aria-describedby={problemId}
          aria-invalid={problem !== ""}
          autoFocus
        />
        <datalist id={listId}>
          {Object.entries(SAMPLE).map(([isbn, { title }]) => (
            <option key={isbn} value={isbn} label={title} />
          ))}
        </datalist>
        <p id={problemId} className="problem" role="alert">
          {problem}
        </p>
      </div>
      <fieldset className="samples">
        <legend>Or one of these</legend>
        {Object.entries(SAMPLE).map(([isbn, { title }]) => (
          <button key={isbn} type="button" onClick={() => setText(isbn)} aria-pressed={text === isbn}>
            {title}
          </button>
        ))}
      </fieldset>
    </Dialog>
  );
}
