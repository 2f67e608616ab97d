#!/usr/bin/env bash
# For any CI system: ./ci.sh check on every change, ./ci.sh deploy on the branch that is deployed.
#
# Needs flink-sql-runner on the path. `deploy` also needs AWS credentials of an uploader (UploaderPolicyArn of the stack),
# AWS_REGION and BUCKET, and PREFIX where it is not the default.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

# As the function is set: the template's default allows neither code nor states on one machine.
export ALLOW_CODE=${ALLOW_CODE:-false} ALLOW_FILES=${ALLOW_FILES:-false}

case ${1:-check} in
check) flink-sql-runner validate . ;;
deploy) flink-sql-runner deploy . --wait ;;
*)
  printf 'usage: ci.sh check|deploy\n' >&2
  exit 2
  ;;
esac
