# Skips a build whose inputs and output are those of the last time: a stamp holds the hash of both.
# shellcheck shell=bash

# build_once NAME OUTPUT INPUT... -- COMMAND...: runs the command unless the stamp says that OUTPUT is already what
# it would make. The output is hashed too, so that one built by hand with other settings is not taken for ours.
build_once() {
  local output=$2 stamp=$root/target/stamps/$1 inputs=()
  shift 2
  while [[ $1 != -- ]]; do inputs+=("$1"); shift; done
  shift
  if [[ -e $output && -e $stamp && $(<"$stamp") == "$(hash_of "${inputs[@]}" "$output") $*" ]]; then
    note 'unchanged'
    return
  fi
  "$@"
  mkdir -p "${stamp%/*}"
  say "$(hash_of "${inputs[@]}" "$output") $*" >"$stamp"
}

# hash_of PATH...: one hash over the names and contents of all files there, generated folders inside them left out.
hash_of() {
  local path
  for path in "$@"; do
    # A folder's own name is never pruned: the output itself may be called `pkg` or `dist`.
    find "$path" -mindepth 1 \( -name node_modules -o -name target -o -name pkg -o -name dist -o -name '*.tsbuildinfo' \) -prune \
      -o -type f -print0 2>/dev/null
    if [[ -f $path ]]; then printf '%s\0' "$path"; fi
  done | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -d ' ' -f 1
}
