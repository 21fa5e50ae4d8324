# Installs Debian's packages, and only those whose command is missing.
# shellcheck shell=bash

# install_packages PACKAGE...: asks apt-get for all of them at once, as root or through sudo.
install_packages() {
  has apt-get || die "missing: $*. This machine has no apt-get: install them by its own means and start again."
  can_be_root ||
    die "missing: $*. Installing them takes root or sudo: run 'apt-get install $*' as root and start again."
  say "installing with apt-get: $*"
  refresh_package_list
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# has_package PACKAGE: apt could install it, and it is not merely the wrapper of a snap (as Ubuntu's browsers are).
has_package() {
  local version
  has apt-cache || return 1
  version=$(candidate "$1")
  # A fresh machine knows of no packages until it has fetched their list.
  if [[ -z $version || $version == '(none)' ]] && can_be_root; then
    refresh_package_list
    version=$(candidate "$1")
  fi
  [[ -n $version && $version != '(none)' && $version != *snap* ]]
}

candidate() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p'; }

# Once a step, however many packages it asks for.
refresh_package_list() {
  if [[ -z ${package_list_is_fresh:-} ]]; then
    as_root apt-get update -qq
    package_list_is_fresh=yes
  fi
}

# sudo asks for a password on the terminal itself, whatever standard input is.
can_be_root() { [[ $(id -u) == 0 ]] || { has sudo && { sudo -n true || (exec </dev/tty); } 2>/dev/null; }; }

as_root() { if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi; }
