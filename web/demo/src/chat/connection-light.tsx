// The light that tells whether this page hears the others: green while connected, red once it is not, grey before.
import type { Status } from "@patchcast/react";

const LIGHTS = {
  connecting: { light: "grey", words: "Connecting" },
  open: { light: "green", words: "Connected" },
  reconnecting: { light: "red", words: "Reconnecting" },
  closed: { light: "red", words: "Disconnected" },
} as const satisfies Record<Status, { light: string; words: string }>;

export function ConnectionLight({ status }: { readonly status: Status }) {
  const { light, words } = LIGHTS[status];
  return (
    <p className="connection" role="status" data-light={light}>
      <span className="lamp" aria-hidden="true" />
      {words}
    </p>
  );
}
