// Makes of what wasm-pack has built what a browser is to download: one script, minified, and short names between it and the wasm.
//
// wasm-bindgen's names end in hashes, which do not compress, and stand in both files; its script, and each of the client's own, would be a request.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tools = join(root, "web/node_modules");
const pkg = join(root, "crates/client-wasm/pkg");
const script = join(pkg, "patchcast_client.js");
const wasm = join(pkg, "patchcast_client_bg.wasm");
/** What wasm-bindgen calls its own script in the wasm; what is imported from elsewhere is imported as it is. */
const SHIMS = "./patchcast_client_bg.js";
/** Where a runtime that knows TypeScript looks for the types of a script that it fetches. */
const TYPES = '/* @ts-self-types="./patchcast_client.d.ts" */';

writeFileSync(script, renamed(readFileSync(script, "utf8"), shorten()));
writeFileSync(script, await bundled());
rmSync(join(pkg, "snippets"), { recursive: true });
hideExports();
describe();

/** Gives the wasm's imports and exports short names, all imports in one module, and tells which. */
function shorten() {
  const options = ["--minify-imports-and-exports-and-modules", "--strip-target-features", "--output", wasm];
  return JSON.parse(execFileSync(join(tools, ".bin/wasm-opt"), [wasm, ...options], { encoding: "utf8" }));
}

/** The script with the wasm's new names. Throws when it does not look as the version of wasm-bindgen that Cargo.toml pins writes it. */
function renamed(text, { imports, exports }) {
  // Always by a function: a short name may hold a dollar sign, which means something in a replacement.
  const replace = (pattern, replacement) => {
    if (text.search(pattern) < 0) throw new Error(`${pattern} is not in the script of wasm-bindgen`);
    text = text.replace(pattern, replacement);
  };
  for (const [module, name, short] of imports) {
    if (module === SHIMS) replace(new RegExp(`^ {8}${name}:`, "m"), () => `${short}:`);
  }
  const exported = new Map(exports);
  replace(/\bwasm\.(\w+)/g, (_, name) => {
    if (!exported.has(name)) throw new Error(`the wasm has no ${name}`);
    return `wasm.${exported.get(name)}`;
  });
  const direct = imports.filter(([module]) => module !== SHIMS);
  const members = direct.map(([, name, short]) => `${short}: direct_${name}`);
  const all = `return { a: Object.assign(import0, { ${members.join(", ")} }) };`;
  replace(/return \{\s+__proto__: null,\s+"[^"]+": import0,[^}]*\};/, () => all);
  replace(/^import \* as import\d+ from .*\n/gm, () => "");
  return direct.map(([module, name]) => `import { ${name} as direct_${name} } from "${module}";\n`).join("") + text;
}

async function bundled() {
  const { rolldown } = await import(join(tools, "rolldown/dist/index.mjs"));
  const bundle = await rolldown({ input: script });
  const { output } = await bundle.generate({ format: "esm", minify: true });
  await bundle.close();
  if (output.length !== 1) throw new Error(`the script became ${output.length} files`);
  return `${TYPES}\n${output[0].code}`;
}

/** What the wasm exports is for the script alone, and has other names than wasm-bindgen has told. */
function hideExports() {
  rmSync(`${wasm}.d.ts`);
  const file = join(pkg, "patchcast_client.d.ts");
  const types = readFileSync(file, "utf8");
  const hidden = types.replace(/^export interface InitOutput \{[^}]*\}/m, "export interface InitOutput {}");
  if (hidden === types) throw new Error("the types of wasm-bindgen have no InitOutput");
  writeFileSync(file, hidden);
}

/** wasm-pack calls the package after the crate, has no option for another name, and knows of the scripts that are gone. */
function describe() {
  const file = join(pkg, "package.json");
  const description = JSON.parse(readFileSync(file, "utf8"));
  const files = description.files.filter((name) => name !== "snippets");
  writeFileSync(file, `${JSON.stringify({ ...description, name: "@patchcast/client", files, sideEffects: false }, null, 2)}\n`);
}
