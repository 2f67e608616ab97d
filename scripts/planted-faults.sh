#!/usr/bin/env bash
# Plants each fault of tests/planted-faults.txt in a copy of HEAD and says which tests of the two protocols find it.
#
# usage: planted-faults.sh [part of a kind's text]
# Called by `make planted-faults`. Ends with 1 if a fault is found by no test. About a minute each on two cores, and
# four minutes before the first: the tests are built, and have to pass without a fault.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
only=${1:-}
# The faults of HEAD, planted in HEAD: neither changes while this goes on.
copy=$(mktemp -d)
list=$copy/tests/planted-faults.txt
git worktree add --quiet --detach "$copy" HEAD
trap 'git worktree remove --force "$copy"' EXIT
: "${CARGO_TARGET_DIR:=$PWD/target}"
export CARGO_TARGET_DIR=$CARGO_TARGET_DIR-planted
PATH=$(scripts/install-flink.sh tools | sed -n 's/^TOOLS_BIN=//p'):$PATH
found=0 survived=0
# Nobody debugs what is built here.
export CARGO_PROFILE_DEV_DEBUG=0
log=$copy/planted.log
# Some faults make a test go on for ever.
printf '[profile.default]\nslow-timeout = { period = "60s", terminate-after = 8 }\n' >"$copy/nextest.toml"

# The tests of the two protocols, those first that are built soonest; the others judge what people write.
tests_pass() {
  local package
  cd "$copy"
  for package in 'lifecycle --lib --test machines --test owed --test bounded --test left_beside --test taking_over --test wishes' \
    'control --lib --test shells' 'tests --test model --test simulation -- --skip matrix' \
    'tests --test simulation -- matrix'; do
    # shellcheck disable=SC2086 # a package and its tests are several arguments
    cargo nextest run --config-file "$copy/nextest.toml" --locked --cargo-quiet -p $package >"$log" 2>&1 || return
  done
}

# Replaces the first occurrence of a text; nothing of it is a pattern.
plant() {
  FROM=$2 TO=$3 awk 'BEGIN { from = ENVIRON["FROM"]; to = ENVIRON["TO"] }
    !done && (at = index($0, from)) { $0 = substr($0, 1, at - 1) to substr($0, at + length(from)); done = 1 }
    { print }
    END { exit !done }' "$1" >"$1.planted" || { echo "not there: $2" >&2; exit 2; }
  mv -- "$1.planted" "$1"
}

try() {
  local kind=$1 file=$2
  plant "$copy/$file" "$3" "$4"
  if (tests_pass); then
    printf 'SURVIVED  %s\n' "$kind"
    survived=$((survived + 1))
  elif by=$(awk '$1 ~ /^(FAIL|TIMEOUT)/ { how = ($1 ~ /^TIMEOUT/ ? "no end: " : ""); $1 = $2 = $3 = $4 = $5 = ""; sub(/^ +/, ""); print how $0; exit }' "$log") && [[ -n $by ]]; then
    printf 'found     %s: %s\n' "$kind" "$by"
    found=$((found + 1))
  else
    printf 'does not compile: %s\n' "$kind" >&2
    tail -20 "$log" >&2
    exit 2
  fi
  git -C "$copy" checkout --quiet -- "$file"
}

if ! (tests_pass); then
  echo 'the tests fail without any fault:' >&2
  tail -20 "$log" >&2
  exit 2
fi

kind='' file='' from=''
while IFS= read -r line; do
  case $line in
    '#'* | '') ;;
    '* '*) kind=${line#\* } ;;
    '- '*) from=${line#- } ;;
    '+ '*) [[ $kind != *"$only"* ]] || try "$kind" "$file" "$from" "${line#+ }" </dev/null ;;
    *) file=$line ;;
  esac
done <"$list"
printf '%d planted, %d found, %d survived\n' $((found + survived)) "$found" "$survived"
[[ $survived -eq 0 ]]
