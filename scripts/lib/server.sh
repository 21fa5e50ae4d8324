# Runs a command beside a server of its own, which ends with it.
# shellcheck shell=bash

# with_server COMMAND...: the command finds the server's address in PATCHCAST_TEST_URL, as http://127.0.0.1:PORT.
# The server keeps its rooms on disk, as one does in earnest. Call it in a step: it sets the subshell's EXIT trap.
with_server() {
  local line out data
  data=$(mktemp -d)
  exec {out}< <(exec "$(server_binary)" serve --listen 127.0.0.1:0 --data "$data")
  # shellcheck disable=SC2064 # What they are now.
  trap "kill $! 2>/dev/null || true; rm -rf '$data'" EXIT
  read -r line <&"$out" || die 'the server ended before it listened'
  [[ $line == 'listening on http://'* ]] || die "the server says '$line' in place of its address"
  PATCHCAST_TEST_URL=${line#listening on } "$@"
}

# Absolute, for tests that run in folders of their own.
server_binary() { realpath "${CARGO_TARGET_DIR:-target}/debug/patchcast"; }
