#!/usr/bin/env bash
# Runs every test of the project, the cheap ones first, or only the stages that are named.
#
# usage: test.sh [check] [infra] [options] [unit] [python] [e2e] [policies] [lambda] [package]
# Called by `make test`, which sets CARGO_TARGET_DIR and FSR_TOOLS.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
: "${CARGO_TARGET_DIR:=$PWD/target}"
export CARGO_TARGET_DIR
stages=("$@")
[[ ${#stages[@]} -gt 0 ]] || stages=(check infra options unit python e2e policies lambda package)

# Each stage says how long it took, so that the budget of CI can be read from its log.
stage() {
  local name=$1 began=$SECONDS
  printf '\n=== %s\n' "$name"
  "stage_$name"
  printf '=== %s: %d s\n' "$name" $((SECONDS - began))
}

tool() { printf '%s/%s' "$tools" "$1"; }

stage_check() {
  cargo fmt --all --check
  "$(tool shellcheck)" scripts/*.sh infra/node/*.sh benches/*.sh .ci/run
  cargo clippy --workspace --all-targets --locked -- -D warnings
}

# What is deployed, as far as it can be checked without an account. SAM by itself and with cfn-lint (--lint) finds different
# mistakes.
stage_infra() {
  (
    export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
    cd infra
    find . -name '*.sh' -exec "$(tool shellcheck)" {} +
    "$aws/sam" validate -t template.yaml
    "$aws/sam" validate --lint -t template.yaml
    cd checks
    "$(tool ruff)" check .
    "$(tool ruff)" format --check .
    "$(tool mypy)" --strict --python-executable "$aws/python" ./*.py
    "$aws/pytest" -q
  )
}

# The catalogue of Flink's options against the release that is installed.
stage_options() {
  scripts/flink-options.sh --check
}

# Always the whole workspace: another selection of packages means other features, and the AWS SDK built once more.
stage_unit() {
  cargo nextest run --workspace --locked -E 'not (package(e2e) or binary(policies))'
}

# Its tests against a real Flink need one that runs.
stage_python() {
  (
    FLINK_RUN_DIR=$(mktemp -d)
    export FLINK_RUN_DIR
    trap 'scripts/flink-cluster.sh down --run-dir "$FLINK_RUN_DIR"; rm -rf -- "$FLINK_RUN_DIR"' EXIT
    scripts/flink-cluster.sh up --run-dir "$FLINK_RUN_DIR"
    python_checks
  )
}

python_checks() (
  cd functions/step-runner/submitter
  "$(tool ruff)" check .
  "$(tool ruff)" format --check .
  "$(tool mypy)" --strict submitter.py
  "$(tool pytest)" -q
)

stage_e2e() {
  # With the tests: without them other features are on, and the AWS SDK is built once more.
  cargo build --workspace --bins --tests --locked
  rm -rf -- "$CARGO_TARGET_DIR/aws-calls"
  cargo nextest run --workspace --locked -E 'package(e2e)' -j 1 --no-capture
}

# The template's policies against the AWS calls that the stage before recorded.
stage_policies() {
  cargo nextest run --workspace --locked -E 'binary(policies)' -j 1 --no-capture
}

stage_lambda() {
  scripts/lambda-local.sh
}

stage_package() {
  scripts/package-smoke.sh
}

scripts/install-flink.sh | grep '^install-flink:' || true
tools=$(scripts/install-flink.sh tools --print-env | sed -n 's/^TOOLS_BIN=//p')
aws=$(scripts/install-flink.sh aws --print-env | sed -n 's/^AWS_BIN=//p')
PATH=$tools:$PATH
for name in "${stages[@]}"; do
  stage "$name"
done
printf '\nall stages passed: %s\n' "${stages[*]}"
