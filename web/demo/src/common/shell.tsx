// What both pages have around their content: the name, the way to the other page, and the state of the connection.
import type { ReactNode } from "react";
import type { SocketStatus } from "@patchcast/react";
import { LOBBY, pageUrl, roomName } from "./room.js";

const PAGES = [
  { file: "./", name: "Gift list" },
  { file: "chat.html", name: "Chat" },
] as const;

export interface ShellProps {
  readonly page: (typeof PAGES)[number]["name"];
  readonly status: SocketStatus;
  readonly reconnect: () => void;
  /** What becomes of edits made while there is no connection. */
  readonly whileOffline: string;
  /** Parameters for a second window of this page. */
  readonly secondWindow?: Readonly<Record<string, string>>;
  readonly children: ReactNode;
}

export function Shell({ page, status, reconnect, whileOffline, secondWindow = {}, children }: ShellProps) {
  const { search } = window.location;
  const room = roomName(search);
  const here = PAGES.find(({ name }) => name === page)!.file;
  const invitation = (
    <a className="button second-window" href={pageUrl(here, search, secondWindow)} target="_blank" rel="noopener">
      <WindowsIcon />
      Open a second window
    </a>
  );
  return (
    <div className="shell">
      <header className="masthead">
        <a className="brand" href={pageUrl("./", search)}>
          <Mark />
          Patchcast
        </a>
        {invitation}
        <nav aria-label="Pages">
          {PAGES.map(({ file, name }) => (
            <a key={file} href={pageUrl(file, search)} aria-current={name === page ? "page" : undefined}>
              {name}
            </a>
          ))}
        </nav>
      </header>
      <ConnectionBanner status={status} reconnect={reconnect} whileOffline={whileOffline} />
      <main>{children}</main>
      <footer>
        <p>
          You are in room <strong>{room}</strong>
          {room === LOBBY ? ", where everyone comes who names no other" : ""}. Whatever you do here, everyone in it sees.
        </p>
        {/* On a narrow page it stands here instead of at the top; styles show one of the two. */}
        {invitation}
      </footer>
    </div>
  );
}

/** Says that something is wrong, and only then takes up space. */
function ConnectionBanner({ status, reconnect, whileOffline }: Pick<ShellProps, "status" | "reconnect" | "whileOffline">) {
  const { code, reason, protocol } = status;
  return (
    <div className="banner-place" role="status" data-connection={status.status} data-protocol={protocol}>
      {status.status === "open" && protocol !== "sessions" && (
        <p className="banner">
          <span>
            <strong>Plain connection.</strong> This server does not speak sessions, so nothing confirms what you do.
          </span>
        </p>
      )}
      {status.status === "reconnecting" && (
        <p className="banner">
          <span aria-hidden="true" className="spinner" />
          <span>
            <strong>Offline.</strong> Reconnecting by itself. {whileOffline}
          </span>
        </p>
      )}
      {status.status === "closed" && (
        <p className="banner banner-final">
          <span>
            <strong>Disconnected.</strong> {reason ? `The reason given: ${reason}` : "The connection was ended"}
            {code === undefined ? "." : ` (${code}).`}
          </span>
          <button type="button" onClick={reconnect}>
            Connect again
          </button>
        </p>
      )}
    </div>
  );
}

function WindowsIcon() {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.75">
      <rect x="1.5" y="5" width="9.5" height="9.5" rx="2" />
      <path d="M5 2.5h6.5a2 2 0 0 1 2 2V11" strokeLinecap="round" />
    </svg>
  );
}

function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--mark)" />
      <path d="M13 0h6v32h-6zM0 13h32v6H0z" fill="var(--mark-ribbon)" />
      <circle cx="16" cy="16" r="5" fill="var(--mark)" stroke="var(--mark-ribbon)" strokeWidth="3" />
    </svg>
  );
}
