# How the scripts speak: one line for a fact, one for a warning, one for the end of it all.
# shellcheck shell=bash disable=SC2034 # Not every script uses every colour.

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
else
  bold='' red='' green='' yellow='' plain=''
fi

say() { printf '%s\n' "$*"; }

warn() { printf '%s\n' "${yellow}$*${plain}" >&2; }

# die MESSAGE...: says what is wrong and what to do about it, and ends the script.
die() {
  printf '%s\n' "${red}$*${plain}" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }
