// A modal form on the browser's own <dialog>: it keeps the focus inside, closes on Escape and gives the focus back.
import { useId, useLayoutEffect, useRef, type FormEvent, type ReactNode } from "react";

export interface DialogProps {
  readonly title: string;
  readonly submitLabel: string;
  readonly busy?: boolean;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** Open for as long as it is mounted. */
export function Dialog({ title, submitLabel, busy = false, onSubmit, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  // A layout effect: its clean-up runs while the dialog is still in the page, so that closing it gives the focus back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    if (!dialog?.open) dialog?.showModal();
    return () => dialog?.close();
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!busy) onSubmit();
  };

  return (
    <dialog
      ref={ref}
      aria-labelledby={titleId}
      onClose={(event) => {
        // The event comes late: StrictMode has closed the dialog and opened it again by then.
        if (!event.currentTarget.open) onClose();
      }}
    >
      <form onSubmit={submit}>
        <h2 id={titleId}>{title}</h2>
        {children}
        <div className="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="primary" aria-disabled={busy}>
            {submitLabel}
          </button>
        </div>
      </form>
    </dialog>
  );
}
