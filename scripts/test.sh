#!/usr/bin/env bash
# Runs every test of the project, the cheap ones first, or only the stages that are named.
#
# usage: test.sh [quick] [check] [infra] [options] [unit] [python] [e2e] [policies] [lambda] [package]
# quick is the part of check that compiles nothing.
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

# What can be checked in seconds; scripts/hooks/pre-commit runs it too.
stage_quick() {
  cargo fmt --all --check
  "$(tool shellcheck)" scripts/*.sh scripts/hooks/* infra/node/*.sh benches/*.sh \
    functions/flink-sql-runner/project/ci.sh .ci/run
  "$(tool ruff)" check --quiet --config infra/checks/pyproject.toml scripts
  "$(tool ruff)" format --quiet --check --config infra/checks/pyproject.toml scripts
  "$(tool typos)" --format brief
  "$(tool python)" scripts/check-links.py
  "$(tool cargo-shear)" --locked
  # Without advisories: see deny.toml.
  "$(tool cargo-deny)" --locked check licenses bans sources
}

stage_check() {
  stage_quick
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
  cd shared/flink/submitter
  "$(tool ruff)" check .
  "$(tool ruff)" format --check .
  "$(tool mypy)" --strict ./*.py
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

# Only the tools for what needs nothing else, so that the first `make check` does not wait for Flink, YARN and Kafka.
install=tools
for name in "${stages[@]}"; do
  case $name in
    quick | check) ;;
    *) install=all ;;
  esac
done
scripts/install-flink.sh "$install" | grep '^install-flink:' || true
tools=$(scripts/install-flink.sh tools --print-env | sed -n 's/^TOOLS_BIN=//p')
if [[ $install == all ]]; then aws=$(scripts/install-flink.sh aws --print-env | sed -n 's/^AWS_BIN=//p'); fi
PATH=$tools:$PATH
for name in "${stages[@]}"; do
  stage "$name"
done
printf '\nall stages passed: %s\n' "${stages[*]}"
