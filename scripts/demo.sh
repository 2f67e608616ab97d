#!/usr/bin/env bash
# shellcheck disable=SC2016 # the lines that tell how to go on are not expanded
# Shows a whole life of the example jobs on a local stack with a real Flink, and how to go on.
#
# usage: demo.sh   (called by `make demo`, which sets CARGO_TARGET_DIR and FSR_TOOLS)
# TARGET says which Flink: standalone (default), or yarn or yarn-ha for a session on a real YARN.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
: "${CARGO_TARGET_DIR:=$PWD/target}"
export CARGO_TARGET_DIR
: "${TARGET:=standalone}"
root=$PWD/.local/demo
files=$root/files
fsr=$CARGO_TARGET_DIR/debug/flink-sql-runner
stack=$CARGO_TARGET_DIR/debug/local-stack

title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() {
  printf '$ flink-sql-runner %s\n' "$*"
  "$fsr" "$@"
}
# The last row that the running count printed, without its metadata columns.
count() {
  cat "$root"/stack/flink/log/taskmanager.out "$root"/stack/flink/nm-logs/*/*/taskmanager.out 2>/dev/null |
    grep '^buyer_totals' | tail -1 | sed -E 's/, 20[0-9]{2}-.*\]$/]/' || true
}

finish() { "$stack" down --root "$root/stack" >/dev/null 2>&1 || true; }

title 'Installing Flink and its Python (once), and building the programs (once)'
scripts/install-flink.sh flink
scripts/install-flink.sh aws
[[ $TARGET == standalone ]] || scripts/install-flink.sh hadoop
cargo build --workspace --bins --locked

finish
rm -rf -- "$root"
mkdir -p "$root"
cp -r examples "$files"
trap finish EXIT

title "Starting the local stack: S3, EMR, SSM, the Lambda, and Flink ($TARGET)"
settings=$("$stack" up --on "$TARGET" --root "$root/stack")
eval "$settings"
flink=$(sed -n 's/^# Flink: //p' <<<"$settings")
printf 'Flink UI: %s\n' "$flink"

title 'Started: the example manifests are uploaded'
run deploy "$files" --wait
run status || printf '(exit %s)\n' $?

title 'Unchanged: the same files again'
run deploy "$files" --wait

title 'Configuration changed: a savepoint is taken, the running count goes on'
count
sed -i 's/flinkProperties: {}/flinkProperties:\n  execution.checkpointing.interval: 1s/' "$files/queries/orders-per-buyer.yaml"
run deploy "$files/queries/orders-per-buyer.yaml" --wait
sleep 3
count

title 'Query changed: version 2 starts clean, the count starts over'
sed -i 's/GROUP BY buyer_id/WHERE buyer_id < 4\n  GROUP BY buyer_id/' "$files/queries/orders-per-buyer.yaml"
run deploy "$files/queries/orders-per-buyer.yaml" --wait
sleep 3
count

title 'A bad manifest is refused with its error, nothing that runs is touched'
run deploy "$files/rejected/misspelt.yaml" --wait || printf '(exit %s)\n' $?

title 'A job lost: cancelled by hand in Flink, brought back by the scheduled redeploy'
sleep 3
job=$(python3 - "$flink" <<'P'
import json, sys, urllib.request

flink = sys.argv[1]
jobs = json.load(urllib.request.urlopen(f"{flink}/jobs/overview", timeout=10))["jobs"]
job = next(j["jid"] for j in jobs if j["name"] == "orders-per-buyer" and j["state"] == "RUNNING")
request = urllib.request.Request(f"{flink}/jobs/{job}?mode=cancel", method="PATCH")
urllib.request.urlopen(request, timeout=10)
print(job)
P
)
printf 'cancelled %s in Flink\n' "$job"
# An operation that is still under way says the same as one that has ended.
wait_for() { # PATTERN JOB
  for _ in $(seq 150); do
    "$fsr" history "$2" | grep -v '  under way  ' | grep -q "$1" && return
    sleep 1
  done
  printf 'not within 150 s: %s in the history of %s\n' "$1" "$2" >&2
  exit 1
}
# Every job's line ends in its operation under way, or in a dash.
wait_until_settled() {
  for _ in $(seq 150); do
    { "$fsr" status || true; } | grep -E ' v[0-9]+ ' | grep -qvE -- '-$' || return 0
    sleep 1
  done
  printf 'operations are still under way after 150 s\n' >&2
  exit 1
}
wait_for 'not there any more' orders-per-buyer
run history orders-per-buyer
count

if [[ $TARGET != standalone ]]; then
  title 'The JobManager is killed: every job goes on, from its newest state'
  pid=$(pgrep -f "java.*$root/stack/flink/.*YarnSessionClusterEntrypoint" | head -1)
  kill -KILL "$pid"
  printf 'killed process %s\n' "$pid"
  sleep 5
  run redeploy
  if [[ $TARGET == yarn ]]; then wait_for 'not there any more' filter-expensive-items; else sleep 20; fi
  wait_until_settled
  run status || printf '(exit %s)\n' $?
  sleep 3
  count
fi

title 'Removed: its file is deleted, its state is kept'
run remove filter-expensive-items
wait_for removed filter-expensive-items
run status || printf '(exit %s)\n' $?

title 'What lies in the bucket'
printf '%s\n' \
  'queries/      the manifests, config/ the defaults and table definitions: people write these' \
  'manifests/    what is deployed, as the Python tool would have written it' \
  'records/      one record a job: what runs, what is under way, its history' \
  'plans/ claims/ results/   one document each for every operation' \
  'checkpoints/ savepoints/  the state of every version of every job' \
  'refused/      why an upload was refused'

printf '\nThe Flink UI was at %s while the stack ran. To go on, paste these lines:\n' "$flink"
# A shell of its own has neither this folder nor what make sets.
printf '  cd %q && export FSR_TOOLS=%q CARGO_TARGET_DIR=%q\n' "$PWD" "${FSR_TOOLS:-$PWD/.local}" "$CARGO_TARGET_DIR"
printf '  eval "$(%q up --on %s)"   # %s\n' "$stack" "$TARGET" 'the stack again, in the background'
printf '  %q deploy examples --wait\n  %q down\n' "$fsr" "$stack"
