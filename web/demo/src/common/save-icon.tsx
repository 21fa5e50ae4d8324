// The two signs of a message's fate: a clock while it is on its way, a check once the room has it for good.

/** Without a label it is an ornament, for where words stand beside it. */
export function SaveIcon({ saved, label }: { readonly saved: boolean; readonly label?: string }) {
  return (
    <svg
      className="save-icon"
      viewBox="0 0 16 16"
      data-saved={saved}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}
    >
      {label !== undefined && <title>{label}</title>}
      <path d={saved ? "m2.5 8.8 3.4 3.4 7.6-8" : "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM8 4.6V8l2.4 1.6"} />
    </svg>
  );
}
