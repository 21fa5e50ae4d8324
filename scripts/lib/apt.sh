# Installs Debian's packages, and only those whose command is missing.
# shellcheck shell=bash

# install_packages PACKAGE...: asks apt-get for all of them at once, as root or through sudo.
install_packages() {
  has apt-get || die "missing: $*. This machine has no apt-get: install them by its own means and start again."
  say "installing with apt-get: $*"
  refresh_package_list "$*"
  as_root "$*" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# Once a script, however many packages it asks for.
refresh_package_list() {
  if [[ -z ${package_list_is_fresh:-} ]]; then
    as_root "${1:-fresh package lists}" apt-get update -qq
    package_list_is_fresh=yes
  fi
}

# has_package PACKAGE: apt could install it, and it is not merely the wrapper of a snap (as Ubuntu's browsers are).
has_package() {
  local version
  has apt-cache || return 1
  version=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p')
  [[ -n $version && $version != '(none)' && $version != *snap* ]]
}

as_root() {
  local packages=$1
  shift
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif has sudo && { sudo -n true || (exec </dev/tty); } 2>/dev/null; then
    sudo "$@"
  else
    die "missing: $packages. Installing them takes root or sudo without a password: run 'apt-get install $packages' as root and start again."
  fi
}
