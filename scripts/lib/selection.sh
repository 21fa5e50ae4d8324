# The table of steps, and which of them a command line asks for.
# shellcheck shell=bash

step_order=() selected_steps=()
declare -A step_group=() step_function=() step_what_for=() step_needs=() step_wanted=()

define() {
  step_order+=("$1")
  step_group[$1]=$2
  step_function[$1]=$3
  step_what_for[$1]=$4
  step_needs[$1]=${*:5}
}

# select_steps ARGUMENT...: sets selected_steps to what was asked for and what that needs, in the table's order.
select_steps() {
  local argument step
  for argument in "$@"; do
    case $argument in
      --help | -h) usage; exit ;;
      --list) list_steps; exit ;;
    esac
    want_named "$argument"
  done
  if [[ $# == 0 ]]; then
    for step in "${step_order[@]}"; do want "$step"; done
  fi
  for step in "${step_order[@]}"; do
    if [[ -n ${step_wanted[$step]:-} ]]; then selected_steps+=("$step"); fi
  done
}

# A name may be a group's and a step's at once: `tidy` is the step of that name and what else its group holds.
want_named() {
  local step found=
  for step in "${step_order[@]}"; do
    if [[ ${step_group[$step]} == "$1" || $step == "$1" ]]; then
      want "$step"
      found=yes
    fi
  done
  [[ -n $found ]] || { list_steps >&2; die "there is no step and no group named '$1'"; }
}

want() {
  local needed
  step_wanted[$1]=yes
  # The names stand in one string, since bash has no arrays in arrays.
  for needed in ${step_needs[$1]}; do want "$needed"; done
}

# Whether a step that this one needs, at any remove, has failed: that one is then skipped, and so is this.
needs_failed() {
  local i needed
  for needed in ${step_needs[$1]}; do
    for i in "${!step_names[@]}"; do
      [[ ${step_names[i]} != "$needed" || ${step_results[i]} == ok ]] || return 0
    done
  done
  return 1
}

list_steps() {
  local step
  printf '%-10s %-16s %s\n' GROUP STEP 'WHAT FOR'
  for step in "${step_order[@]}"; do
    printf '%-10s %-16s %s\n' "${step_group[$step]}" "$step" "${step_what_for[$step]}"
  done
}
