// @vitest-environment node
// Rendering on a server, where there is neither a window nor a WebSocket.
import { renderToString } from "react-dom/server";
import { expect, test, vi } from "vitest";
import { usePresence, useSocket, useSocketStatus, useUnsaved } from "../src/index.js";

vi.mock("@patchcast/client", () => {
  throw new Error("the client must not be imported on a server");
});

test("a_component_renders_on_the_server_without_connecting", () => {
  const error = vi.spyOn(console, "error");
  function Page() {
    const send = useSocket("ws://server.test/", () => {});
    const others = usePresence(send, { name: "Ada" });
    return <p>{`${useSocketStatus(send).status}, ${others.length} others, ${useUnsaved(send)} unsaved`}</p>;
  }
  expect(typeof globalThis.window).toBe("undefined");
  expect(renderToString(<Page />)).toBe("<p>connecting, 0 others, 0 unsaved</p>");
  expect(error).not.toHaveBeenCalled();
});
