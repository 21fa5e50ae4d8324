# Finds Chromium and Firefox with their drivers, or installs Debian's; geckodriver comes from cargo.
# shellcheck shell=bash

# Sets CHROME_BIN, which the end-to-end tests read, and CHROMEDRIVER and GECKODRIVER, which the wasm test runner reads.
# What is already set is left alone.
find_browsers() {
  : "${CHROME_BIN:=$(first_command chromium google-chrome google-chrome-stable chrome chromium-browser)}"
  : "${FIREFOX_BIN:=$(first_command firefox-esr firefox)}"
  : "${CHROMEDRIVER:=$(first_command "${CHROMEWEBDRIVER:+$CHROMEWEBDRIVER/chromedriver}" chromedriver)}"
  : "${GECKODRIVER:=$(first_command "${GECKOWEBDRIVER:+$GECKOWEBDRIVER/geckodriver}" geckodriver)}"
  export CHROME_BIN FIREFOX_BIN CHROMEDRIVER GECKODRIVER
}

# first_command NAME...: the path of the first that there is, or nothing.
first_command() {
  local name
  for name in "$@"; do
    if [[ -n $name ]] && command -v "$name"; then return; fi
  done
}

ensure_browsers() {
  local missing=()
  find_browsers
  if [[ -z $CHROME_BIN || -z $CHROMEDRIVER ]]; then missing+=(chromium chromium-driver); fi
  if [[ -z $FIREFOX_BIN ]]; then missing+=(firefox-esr); fi
  if [[ ${#missing[@]} -gt 0 ]]; then
    # On Ubuntu they are snaps, which headless tests cannot drive.
    has_package firefox-esr || refresh_package_list
    has_package "${missing[0]}" ||
      die "missing: ${missing[*]}, and apt-get has no real package for them here: install Google Chrome with chromedriver, and Firefox, and set CHROME_BIN, CHROMEDRIVER, FIREFOX_BIN if they are not on PATH"
    install_packages "${missing[@]}"
    find_browsers
  fi
  if [[ -z $GECKODRIVER ]]; then
    ensure_cargo_tool geckodriver 0.37.1 geckodriver --version
    find_browsers
  fi
  check_driver
  say "$CHROME_BIN $CHROMEDRIVER $FIREFOX_BIN $GECKODRIVER"
}

# A driver only drives browsers of its own major version, and says otherwise in a way that is hard to read.
check_driver() {
  local browser driver
  browser=$("$CHROME_BIN" --version | grep -oE '[0-9]+\.[0-9.]+' | head -n 1)
  driver=$("$CHROMEDRIVER" --version | grep -oE '[0-9]+\.[0-9.]+' | head -n 1)
  [[ ${browser%%.*} == "${driver%%.*}" ]] ||
    die "$CHROME_BIN is version $browser but $CHROMEDRIVER is for $driver: install the pair of one version, or set CHROME_BIN and CHROMEDRIVER"
}

# run_bench_browser ARGUMENT...: against the server PATCHCAST_BIN. Node 20 has a WebSocket only when asked for it.
run_bench_browser() {
  node --experimental-websocket --disable-warning=ExperimentalWarning benches/browser/main.mjs "$@"
}
