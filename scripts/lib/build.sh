# Builds what the commands need: the server, the wasm package and the demo's static files.
# shellcheck shell=bash

readonly client_pkg=crates/client-wasm/pkg demo_dist=web/demo/dist

build_client() {
  build_once client "$client_pkg" Cargo.lock Cargo.toml rust-toolchain.toml crates/protocol crates/session crates/client-wasm \
    scripts/lib/pack.mjs web/package-lock.json -- pack_client
}

# wasm-opt comes from npm's binaryen: Debian's is too old, and wasm-pack fails without one.
pack_client() {
  PATH=$root/web/node_modules/.bin:$PATH \
    wasm-pack build crates/client-wasm --target web --release --scope patchcast -- --locked
  node scripts/lib/pack.mjs
}

build_demo() {
  build_once demo "$demo_dist" web "$client_pkg" -- npm run build --prefix web
}

build_server() { cargo build --release --locked --package patchcast-server --bin patchcast; }

released_server() { realpath "${CARGO_TARGET_DIR:-target}/release/patchcast"; }
