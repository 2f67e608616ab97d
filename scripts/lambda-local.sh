#!/usr/bin/env bash
# What docs/reference.md tells people to do by hand with cargo lambda, as a test: build, watch, invoke two of the sample events.
#
# The function is built unoptimized: every full build of the AWS SDK counts.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
watch=
finish() {
  [[ -z $watch ]] || { kill -- "-$watch" 2>/dev/null || true; wait "$watch" 2>/dev/null || true; }
  rm -rf -- "$work"
}
trap finish EXIT

die() {
  printf 'lambda-local: %s\n' "$*" >&2
  exit 1
}

cargo lambda build -p orchestrator --compiler cargo --profile dev
[[ -x $CARGO_TARGET_DIR/lambda/orchestrator/bootstrap ]] || die 'no bootstrap was built'

export BUCKET=local PREFIX=flink-sql-runner/ CLUSTER=j-LOCAL00000000 AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_EC2_METADATA_DISABLED=true
# Nothing listens there: only events that need no call can be answered.
export AWS_ENDPOINT_URL=http://127.0.0.1:9
port=$((20000 + RANDOM % 20000))
# A process group of its own, so that the function it starts ends with it.
set -m
cargo lambda watch --ignore-changes -A 127.0.0.1 -P "$port" >"$work/watch.log" 2>&1 &
watch=$!
set +m

invoke() { # SAMPLE
  local try
  for try in $(seq 60); do
    if cargo lambda invoke -A 127.0.0.1 -P "$port" orchestrator --data-file "events/$1" 2>"$work/invoke.log"; then
      return
    fi
    grep -qi 'refused\|connect\|404' "$work/invoke.log" || break
    sleep 2
  done
  cat "$work/invoke.log" "$work/watch.log" >&2
  die "events/$1 was not answered (try $try)"
}

answer=$(invoke s3-test-event.json)
[[ $answer == *s3:TestEvent* ]] || die "unexpected answer to the test event: $answer"
answer=$(invoke emr-step-running.json)
[[ $answer == *'under way'* ]] || die "unexpected answer to the step event: $answer"
printf 'lambda-local: built, watched, and answered two sample events\n'
