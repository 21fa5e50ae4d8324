// Builds the two pages; in `vite dev` rooms are proxied to the server at PATCHCAST_URL, by default on its default port.
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    rolldownOptions: { input: { gifts: here("index.html"), chat: here("chat.html") } },
  },
  server: {
    // The wasm client lies outside of web/, in the crate that builds it.
    fs: { allow: [here("../.."), here("../../crates/client-wasm/pkg")] },
    proxy: { "^/(gifts|chat)/": { target: process.env["PATCHCAST_URL"] ?? "ws://127.0.0.1:5001", ws: true } },
  },
});
