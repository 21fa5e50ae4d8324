// The gift list page's entry.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../common/base.css";
import "./gifts.css";
import { GiftsApp } from "./app.js";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <GiftsApp />
  </StrictMode>,
);
