# What the steps of scripts/test do, one function each.
# shellcheck shell=bash

ensure_wasm_tools() {
  ensure_wasm_pack
  ensure_wasm_bindgen
}

ensure_strace() { has strace || install_packages strace; }

check_tidy() { scripts/tidy; }

check_shell() {
  has shellcheck || skip 'shellcheck is not installed'
  shellcheck --external-sources --check-sourced scripts/demo scripts/test scripts/autobahn scripts/bench-browser scripts/bench-bytes .ci/run
}

check_fmt() { cargo fmt --all --check; }

check_clippy() { cargo clippy --workspace --all-targets --locked -- --deny warnings; }

check_clippy_wasm() {
  cargo clippy --target wasm32-unknown-unknown --package patchcast-protocol --package patchcast-session \
    --package patchcast-client-wasm --all-targets --locked -- --deny warnings
}

# Building nextest would take longer than it saves; cargo's own runner runs the same tests.
test_rust() {
  if cargo nextest --version 2>/dev/null; then
    cargo nextest run --workspace --locked --no-fail-fast
  else
    cargo test --workspace --lib --bins --tests --examples --locked --no-fail-fast
  fi
}

# What fails here is shown with the command that repeats it.
test_sim() { cargo run --package patchcast-sim --locked -- --seeds 2000; }

test_docs() { cargo test --workspace --doc --locked; }

check_licences() {
  cargo deny --version || skip 'cargo-deny is not installed'
  cargo deny --locked check licenses bans sources
}

build_test_server() { cargo build --package patchcast-server --bin patchcast --locked; }

check_size() { node scripts/size; }

# In both browsers, since each has an engine of its own.
test_wasm_contract() {
  find_browsers
  test_contract_in_browser --chrome --chromedriver "$CHROMEDRIVER"
  test_contract_in_browser --firefox --geckodriver "$GECKODRIVER"
}

test_contract_in_browser() {
  wasm-pack test --headless "$@" crates/protocol --test contract --test apply --test apply_rules \
    --test intent --test laws --test recipes --test board --locked
}

test_wasm_chromium() {
  find_browsers
  with_server test_in_browser --chrome --chromedriver "$CHROMEDRIVER"
}

test_wasm_firefox() {
  find_browsers
  with_server test_in_browser --firefox --geckodriver "$GECKODRIVER"
}

# A page has no environment, so the server's address is compiled into the tests.
test_in_browser() { wasm-pack test --headless "$@" crates/client-wasm --locked; }

check_types() { npm run typecheck --prefix web; }

test_web() { npm test --prefix web; }

test_e2e() {
  find_browsers
  CHROMIUM_BIN=$CHROME_BIN PATCHCAST_BIN=$(server_binary) npm run e2e --prefix web
}

# Too small to say anything of speed: a restart, concurrent ops and snapshots are in it nevertheless.
test_bench_documents() {
  cargo run --package patchcast-bench --locked -- document-join document-op --server "$(server_binary)" \
    --document-history 3000 --document-short-history 300 --document-joins 1 \
    --document-sizes 1000,100000 --document-ops 8 --document-long-ops 1500 --rounds 1
}

# Random recipes of the real Immer; scripts/laws tries many more.
test_immer() {
  ensure_node
  PATCHCAST_BIN=$(server_binary) node fuzz/immer/main.mjs --pairs 300 --triples 100
}

# The smaller of the two lists: with the larger one Immer takes half a minute.
test_bench_bytes() {
  ensure_node
  PATCHCAST_BIN=$(server_binary) node benches/bytes/main.mjs --items 1000 --check
}

# Too small to say anything of speed; that every message arrives, it says.
test_bench_browser() {
  ensure_node
  find_browsers
  PATCHCAST_BIN=$(server_binary) run_bench_browser --entries 2000 --messages 500 --rounds 1
}

test_python_client() {
  with_server "$python_env/bin/python" -B -m unittest discover --verbose --start-directory examples/python
}

# Node 20 has a WebSocket only when asked for it.
test_js_client() {
  ensure_node
  with_server node --experimental-websocket --test --test-force-exit examples/javascript/
}

test_autobahn() {
  find_python2 || skip 'no CPython 2.7 on PATH or in pyenv'
  scripts/autobahn --require
}
