# Finds or installs what Rust code needs: the toolchain, its wasm32 target, and cargo's tools in the locked versions.
# shellcheck shell=bash

export PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

ensure_rust() {
  has cc || install_packages build-essential
  has rustup || has cargo || install_rustup
  if ! cargo --version; then
    # The pinned version is not there, and rustup may be told not to fetch it by itself.
    rustup toolchain install
    cargo --version
  fi
  if ! { cargo fmt --version && cargo clippy --version; }; then rustup component add rustfmt clippy; fi
  ensure_wasm_target
}

# Asked for by hand, since a toolchain that was installed before rust-toolchain.toml named the target lacks it.
ensure_wasm_target() {
  if [[ ! -d $(rustc --print target-libdir --target wasm32-unknown-unknown) ]]; then
    has rustup || die 'this Rust has no wasm32-unknown-unknown target and there is no rustup to add it: install Rust through https://rustup.rs'
    rustup target add wasm32-unknown-unknown
  fi
}

install_rustup() {
  if has_package rustup; then
    install_packages rustup
  else
    has curl || install_packages curl ca-certificates
    curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
      sh -s -- -y --no-modify-path --default-toolchain none ||
      die 'Rust could not be installed: do it as https://rustup.rs says and start again'
  fi
}

ensure_wasm_pack() { ensure_cargo_tool wasm-pack 0.15.1 wasm-pack --version; }

# wasm-pack takes the wasm-bindgen it finds only when it equals the library's version, so Cargo.lock decides.
ensure_wasm_bindgen() { ensure_cargo_tool wasm-bindgen-cli "$(locked_version wasm-bindgen)" wasm-bindgen --version; }

locked_version() { awk -v want="name = \"$1\"" '$0 == want { getline; gsub(/version = |"/, ""); print; exit }' "$root/Cargo.lock"; }

# ensure_cargo_tool CRATE VERSION COMMAND...: the command must print the version, else the crate is built and installed.
ensure_cargo_tool() {
  local crate=$1 version=$2
  shift 2
  [[ -n $version ]] || die "Cargo.lock names no version for $crate"
  if [[ " $("$@" 2>/dev/null | head -n 1) " == *" $version "* ]]; then
    say "$crate $version is there"
    return
  fi
  say "installing $crate $version (a few minutes, once)"
  # The tools run for seconds: building them at full optimisation would take twice as long as it could ever save.
  # They get a target folder of their own, so that an interrupted build can go on and the workspace's stays as it is.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
    cargo install "$crate" --version "=$version" --locked --force --target-dir "$root/target/tools"
}
