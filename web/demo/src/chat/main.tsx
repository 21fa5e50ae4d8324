// The chat page's entry.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../common/base.css";
import "./chat.css";
import { ChatApp } from "./app.js";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <ChatApp />
  </StrictMode>,
);
