# Finds a CPython 2.7, for which the Autobahn Testsuite is written. None is installed: few systems still have a package of it.
# shellcheck shell=bash

# Each candidate is asked, since pyenv puts a `python2.7` on PATH that only says which version to choose.
find_python2() {
  local candidate
  for candidate in python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; then
      say "$candidate"
      return
    fi
  done
  return 1
}
