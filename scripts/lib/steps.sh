# Runs the named steps of a script: a line and a time for each, its output kept in a file and shown when it fails.
# shellcheck shell=bash

step_logs=$root/target/steps
step_names=() step_times=() step_results=()

# A step that finds nothing to do says so through this exit status and a last line with the reason.
readonly step_skipped=77

# run_step NAME COMMAND...: runs the command in a subshell with `set -e`, and shows everything it printed when it fails.
# It always returns 0: asking for its status (`run_step || ...`) would turn `set -e` off inside the command.
# Ask `step_failed` after it.
run_step() {
  local name=$1 log=$step_logs/$1.log began=$EPOCHREALTIME status result
  shift
  mkdir -p "$step_logs"
  printf '%-18s ' "$name"
  set +e
  if [[ -n ${VERBOSE:-} ]]; then
    printf '\n'
    (set -e; "$@") </dev/null 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    printf '%-18s ' "$name"
  else
    (set -e; "$@") >"$log" 2>&1 </dev/null
    status=$?
  fi
  set -e
  case $status in
    0) result=ok ;;
    "$step_skipped") result=skipped ;;
    *) result=FAILED ;;
  esac
  step_names+=("$name")
  step_times+=("$(seconds_since "$began")")
  step_results+=("$result")
  print_result "$result" "${step_times[-1]}" "$log"
  if [[ $result == FAILED ]]; then show_failure "$name" "$log" "$status"; fi
}

# must NAME COMMAND...: the same, for a script that cannot go on without it.
must() {
  run_step "$@"
  if step_failed; then exit 1; fi
}

step_failed() { [[ ${step_results[-1]} == FAILED ]]; }

print_result() {
  local result=$1 time=$2 log=$3 colour=$green note=''
  case $result in
    FAILED) colour=$red ;;
    skipped) colour=$yellow note="  $(tail -n 1 "$log")" ;;
    ok) note=$(sed -n 's/^shown with the time: /  /p' "$log" | tail -n 1) ;;
  esac
  printf '%s%-7s%s %7s s%s\n' "$colour" "$result" "$plain" "$time" "$note"
}

show_failure() {
  local name=$1 log=$2 status=$3
  [[ -n ${VERBOSE:-} ]] || cat "$log"
  printf '\n%s\n' "${red}step '$name' failed with status $status; its whole output is above and in ${log#"$root/"}${plain}"
}

# skip REASON: ends the step that calls it, as one that had nothing to do here.
skip() {
  say "$*"
  exit "$step_skipped"
}

# note FACT: the fact stands behind the step's time, and again in no other place.
note() { say "shown with the time: $*"; }

count_steps() {
  local wanted=$1 result count=0
  for result in "${step_results[@]}"; do
    if [[ $result == "$wanted" ]]; then count=$((count + 1)); fi
  done
  say "$count"
}

seconds_since() {
  local micros=$((${EPOCHREALTIME/./} - ${1/./}))
  printf '%d.%d' $((micros / 1000000)) $((micros / 100000 % 10))
}
