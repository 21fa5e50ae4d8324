// Loads the wasm client: on first use, once for the whole page, and never while a module is evaluated.
import type { connect } from "@patchcast/client";

/** What `@patchcast/client` offers once its wasm module runs. */
export interface Client {
  readonly connect: typeof connect;
}

let loading: Promise<Client> | undefined;

/**
 * Resolves to the running client; every call shares one download and one instance.
 *
 * `useSocket` calls it by itself. Call it earlier, for example beside the route that needs it, to have the
 * wasm module there when the first component mounts. A failed load is not remembered: the next call tries again.
 */
export function loadClient(): Promise<Client> {
  loading ??= load().catch((cause: unknown) => {
    loading = undefined;
    throw new Error("the Patchcast client could not be loaded", { cause });
  });
  return loading;
}

// Imported dynamically so that a server can import the hooks without ever touching wasm.
async function load(): Promise<Client> {
  const { default: init, connect } = await import("@patchcast/client");
  await init();
  return { connect };
}
