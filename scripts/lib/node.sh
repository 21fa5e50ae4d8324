# Finds or installs Node, and installs web/'s locked npm packages.
# shellcheck shell=bash

readonly oldest_node=20.19.0 own_node=22.23.3

# Where a Node of our own goes when the system's is too old, as Debian 12's is. It goes first, for it is only there then.
node_folder=$root/target/node
export PATH=$node_folder/bin:$PATH

ensure_node() {
  if ! node_is_new_enough; then
    has npm || { has_package npm && install_packages nodejs npm; } ||
      die "Node.js $oldest_node or newer with npm is missing: install it from https://nodejs.org and start again"
    node_is_new_enough || install_own_node
  fi
  node --version
}

node_is_new_enough() {
  local version
  has node && has npm || return 1
  version=$(node -p process.versions.node)
  [[ $(printf '%s\n' "$oldest_node" "$version" | sort -V | head -n 1) == "$oldest_node" ]]
}

# npm carries Node's own binaries, one package a kind of machine.
install_own_node() {
  local machine package
  machine=$(uname -m)
  package=node-linux-${machine/x86_64/x64}
  package=${package/aarch64/arm64}
  npm install --prefix "$node_folder" --no-audit --no-fund --loglevel=error "$package@$own_node" ||
    die "Node.js is older than $oldest_node and no newer one could be installed: take it from https://nodejs.org and start again"
  ln -sfn "node_modules/$package/bin" "$node_folder/bin"
  hash -r
}

# npm itself writes the lockfile of what it installed last, which the stamp holds as the output.
ensure_npm_packages() {
  ensure_node
  build_once npm web/node_modules/.package-lock.json \
    web/.npmrc web/package-lock.json web/package.json web/*/package.json web/packages/*/package.json -- npm_ci
}

npm_ci() {
  PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --prefix web --no-audit --no-fund --loglevel=error
}
