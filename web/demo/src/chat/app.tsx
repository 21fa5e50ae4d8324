// The chat page.
import { memo, useEffect, useId, useState, type FormEvent } from "react";
import { roomUrl } from "../common/room.js";
import { SaveIcon } from "../common/save-icon.js";
import { Shell } from "../common/shell.js";
import type { ChatMessage } from "./board.js";
import { ConnectionLight } from "./connection-light.js";
import { NAME_LIMIT, whoIsTyping } from "./people.js";
import { Initial, PeopleList } from "./people-list.js";
import { useChat } from "./use-chat.js";
import { rememberedName, rememberName } from "./user-name.js";

const TEXT_LIMIT = 2000;
/** Whoever has stopped for as long is no longer writing. */
const TYPING_MS = 4000;

export function ChatApp() {
  const [problem, setProblem] = useState("");
  const [name, setName] = useState(() => rememberedName(sessionStorage, localStorage));
  // The others see a name when it is finished, not letter by letter.
  const [shownName, setShownName] = useState(name);
  const [text, setText] = useState("");
  const [typing, setTyping] = useState(false);
  const nameId = useId();
  const textId = useId();

  const { messages, others, status, say, reconnect } = useChat(roomUrl("chat", window.location), { name: shownName, typing }, (error) =>
    setProblem(error.message),
  );

  useEffect(() => {
    if (!typing) return;
    const timer = setTimeout(() => setTyping(false), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typing, text]);

  const write = (value: string) => {
    setText(value);
    setTyping(value !== "");
  };

  const showName = () => {
    const user = name.trim();
    setShownName(user);
    return user;
  };

  const post = (event: FormEvent) => {
    event.preventDefault();
    const message = { user: showName(), text: text.trim() };
    if (message.user === "" || message.text === "") return;
    setProblem("");
    say(message);
    rememberName(message.user, sessionStorage, localStorage);
    write("");
  };

  return (
    <Shell page="Chat" status={status} reconnect={reconnect} whileOffline="What you write is kept and sent then.">
      <div className="intro">
        <h1>Say it to everyone</h1>
        <ConnectionLight status={status.status} />
      </div>

      <PeopleList me={shownName} others={others} />

      <form className="composer" onSubmit={post}>
        <div className="field name">
          <label htmlFor={nameId}>Your name</label>
          <input
            id={nameId}
            value={name}
            onChange={(event) => setName(event.target.value)}
            onBlur={showName}
            required
            pattern=".*\S.*"
            maxLength={NAME_LIMIT}
            autoComplete="nickname"
          />
        </div>
        <div className="field text">
          <label htmlFor={textId}>Message</label>
          <input id={textId} value={text} onChange={(event) => write(event.target.value)} required pattern=".*\S.*" maxLength={TEXT_LIMIT} autoComplete="off" />
        </div>
        <button type="submit" className="primary">
          Send
        </button>
      </form>
      <p className="typing">{whoIsTyping(others)}</p>
      <p role="alert" className="notice">
        {problem}
      </p>

      {messages.length === 0 && status.status === "open" && <p className="empty">Nothing said yet. The first word is yours.</p>}
      <ol className="messages" aria-label="What was said, newest first" aria-live="polite">
        {messages.map((message) => (
          <Message key={message.key} message={message} isMine={message.own || (message.user === shownName && shownName !== "")} />
        ))}
      </ol>
    </Shell>
  );
}

interface MessageProps {
  readonly message: ChatMessage;
  readonly isMine: boolean;
}

const Message = memo(function Message({ message: { user, text, time, saved, refusal }, isMine }: MessageProps) {
  return (
    <li className="message" data-mine={isMine}>
      <Initial name={user} />
      <div className="bubble">
        <p className="meta">
          <strong>{user}</strong>
          {time !== undefined && <time dateTime={new Date(time).toISOString()}>{clock.format(time)}</time>}
          {isMine && refusal === undefined && <SaveIcon saved={saved} label={saved ? "Saved" : "Not saved yet"} />}
          {refusal !== undefined && <em>not sent: {refusal}</em>}
        </p>
        <p className="said">{text}</p>
      </div>
    </li>
  );
});

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
