// The chat page.
import { useId, useState, type CSSProperties, type FormEvent } from "react";
import { useSocket, useSocketStatus } from "@patchcast/react";
import { roomUrl } from "../common/room.js";
import { Shell } from "../common/shell.js";
import { hueOf, parseBoard, type ChatMessage, type NewMessage } from "./board.js";
import { PresenceLight } from "./presence-light.js";
import { rememberedName, rememberName } from "./user-name.js";

const NAME_LIMIT = 40;
const TEXT_LIMIT = 2000;

export function ChatApp() {
  const [messages, setMessages] = useState<readonly ChatMessage[]>([]);
  const [waiting, setWaiting] = useState<readonly NewMessage[]>([]);
  const [problem, setProblem] = useState("");
  const [user, setUser] = useState(() => rememberedName(sessionStorage, localStorage));
  const [text, setText] = useState("");
  const nameId = useId();
  const textId = useId();

  const send = useSocket<unknown, NewMessage>(roomUrl("chat", window.location), (message) => setMessages(parseBoard(message)), {
    protocol: "json",
    onStatus: (status) => {
      // What waited is on its way now, and comes back with the next board.
      if (status === "open") setWaiting([]);
    },
    onError: (error) => setProblem(error.message),
  });
  const status = useSocketStatus(send);

  const post = (event: FormEvent) => {
    event.preventDefault();
    const message: NewMessage = { user: user.trim(), text: text.trim() };
    if (message.user === "" || message.text === "" || !send(message)) return;
    if (status.status !== "open") setWaiting([message, ...waiting]);
    rememberName(message.user, sessionStorage, localStorage);
    setProblem("");
    setText("");
  };

  return (
    <Shell page="Chat" status={status} reconnect={send.reconnect} whileOffline="What you write is kept and sent then.">
      <div className="intro">
        <h1>Say it to everyone</h1>
        <PresenceLight status={status.status} />
      </div>

      <form className="composer" onSubmit={post}>
        <div className="field name">
          <label htmlFor={nameId}>Your name</label>
          <input id={nameId} value={user} onChange={(event) => setUser(event.target.value)} required pattern=".*\S.*" maxLength={NAME_LIMIT} autoComplete="nickname" />
        </div>
        <div className="field text">
          <label htmlFor={textId}>Message</label>
          <input id={textId} value={text} onChange={(event) => setText(event.target.value)} required pattern=".*\S.*" maxLength={TEXT_LIMIT} autoComplete="off" />
        </div>
        <button type="submit" className="primary">
          Send
        </button>
      </form>
      <p role="alert" className="notice">
        {problem}
      </p>

      {messages.length === 0 && waiting.length === 0 && status.status === "open" && <p className="empty">Nothing said yet. The first word is yours.</p>}
      <ol className="messages" aria-label="What was said, newest first" aria-live="polite">
        {waiting.map((message, index) => (
          <Message key={`waiting-${waiting.length - index}`} message={message} isMine note="waits for the connection" />
        ))}
        {messages.map((message, index) => (
          // Nothing names a message; what stays the same while new ones come in at the top is its place from the end.
          <Message key={messages.length - index} message={message} isMine={message.user === user.trim()} time={message.time} />
        ))}
      </ol>
    </Shell>
  );
}

interface MessageProps {
  readonly message: NewMessage;
  readonly isMine: boolean;
  readonly time?: number;
  readonly note?: string;
}

function Message({ message: { user, text }, isMine, time, note }: MessageProps) {
  return (
    <li className="message" data-mine={isMine} data-waiting={note !== undefined} style={{ "--hue": hueOf(user) } as CSSProperties}>
      <span className="initial" aria-hidden="true">
        {[...user][0]?.toUpperCase()}
      </span>
      <div className="bubble">
        <p className="meta">
          <strong>{user}</strong>
          {time !== undefined && <time dateTime={new Date(time).toISOString()}>{clock.format(time)}</time>}
          {note && <em>{note}</em>}
        </p>
        <p className="said">{text}</p>
      </div>
    </li>
  );
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
