# Finds Node, and installs web/'s locked npm packages.
# shellcheck shell=bash

readonly oldest_node=20.19.0

ensure_node() {
  if ! has node && has_package nodejs; then install_packages nodejs npm; fi
  { has node && has npm; } || die "Node.js $oldest_node or newer with npm is missing: install it from https://nodejs.org and start again"
  local version
  version=$(node -p 'process.versions.node')
  [[ $(printf '%s\n' "$oldest_node" "$version" | sort -V | head -n 1) == "$oldest_node" ]] || die "Node.js $version is too old, $oldest_node or newer is needed: https://nodejs.org"
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
