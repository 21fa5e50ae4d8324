# Loads every helper, for a script that has set `root` to the repository's folder.
# shellcheck shell=bash
: "${root:?must be set before the helpers are loaded}"

# shellcheck source=scripts/lib/say.sh
source "$root/scripts/lib/say.sh"
# shellcheck source=scripts/lib/steps.sh
source "$root/scripts/lib/steps.sh"
# shellcheck source=scripts/lib/stamp.sh
source "$root/scripts/lib/stamp.sh"
# shellcheck source=scripts/lib/apt.sh
source "$root/scripts/lib/apt.sh"
# shellcheck source=scripts/lib/rust.sh
source "$root/scripts/lib/rust.sh"
# shellcheck source=scripts/lib/node.sh
source "$root/scripts/lib/node.sh"
# shellcheck source=scripts/lib/build.sh
source "$root/scripts/lib/build.sh"
# shellcheck source=scripts/lib/ports.sh
source "$root/scripts/lib/ports.sh"
# shellcheck source=scripts/lib/browsers.sh
source "$root/scripts/lib/browsers.sh"
# shellcheck source=scripts/lib/python2.sh
source "$root/scripts/lib/python2.sh"
# shellcheck source=scripts/lib/python3.sh
source "$root/scripts/lib/python3.sh"
# shellcheck source=scripts/lib/server.sh
source "$root/scripts/lib/server.sh"
