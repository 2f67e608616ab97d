#!/usr/bin/env bash
# Builds what is deployed: the Lambda's zip, the release for the node, the command line, and their checksums.
#
# usage: package.sh [--out DIR]      (default: dist)
#        package.sh --twice          builds from nothing twice and compares every byte
# ARCH=x86_64 (default) or arm64: arm64 needs the Rust target aarch64-unknown-linux-gnu.
# Called by `make package`, which sets CARGO_TARGET_DIR and FSR_TOOLS.
#
# One build serves all three programs: linked against glibc 2.17, they run on every EMR 6 and 7 release and on
# provided.al2023. The same sources give the same bytes on one machine: no path, no time and no order gets in.
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
: "${CARGO_TARGET_DIR:=$PWD/target}"
export CARGO_TARGET_DIR
: "${ARCH:=x86_64}"

die() {
  printf 'package: %s\n' "$*" >&2
  exit 2
}

out=$PWD/dist twice=false
while [[ $# -gt 0 ]]; do
  case $1 in
    --out) out=$(realpath -m -- "${2:?--out needs a folder}") && shift 2 ;;
    --twice) twice=true && shift ;;
    -h | --help)
      sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) die "unknown argument '$1' (try --help)" ;;
  esac
done

case $ARCH in
  x86_64) machine=x86_64 ;;
  arm64 | aarch64) machine=aarch64 ;;
  *) die "ARCH is '$ARCH': x86_64 or arm64 is expected" ;;
esac
triple=$machine-unknown-linux-gnu
libdir=$(rustc --print target-libdir --target "$triple")
[[ -d $libdir ]] || die "the Rust target $triple is not installed (rustup target add $triple)"

build() {
  # Panics name source files: relative to the project and to the crates, whoever builds.
  local flags=(
    "--remap-path-prefix=$PWD=." "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
    "--remap-path-prefix=$CARGO_TARGET_DIR=target"
  )
  CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' "${flags[@]}" | sed 's/\x1f$//') \
    cargo zigbuild --workspace --release --locked --target "$triple.2.17" \
    --bin orchestrator --bin flink-sql-runner-step --bin flink-sql-runner
}

# Zip keeps times and modes: both are fixed.
zip_function() { # BOOTSTRAP ZIP
  local folder
  folder=$(mktemp -d)
  install -m 755 -- "$1" "$folder/bootstrap"
  touch -d '1980-01-01 00:00:00 UTC' -- "$folder/bootstrap"
  rm -f -- "$2"
  (cd "$folder" && TZ=UTC python3 -m zipfile -c "$2" bootstrap)
  rm -rf -- "$folder"
}

assemble() { # DIR
  local dir=$1 sums built=$CARGO_TARGET_DIR/$triple/release
  rm -rf -- "$dir"
  mkdir -p "$dir"
  # The name that infra/template.yaml has in CodeUri.
  zip_function "$built/orchestrator" "$dir/orchestrator.zip"
  install -m 755 -- "$built/flink-sql-runner" "$dir/flink-sql-runner-$machine"
  digest=$(scripts/node-release.sh "$built/flink-sql-runner-step" "$machine" "$dir/node")
  sums=$(cd "$dir" && find . -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum)
  printf '%s\n' "$sums" >"$dir/SHA256SUMS"
}

if $twice; then
  work=$CARGO_TARGET_DIR/package-twice
  for n in 1 2; do
    rm -rf -- "$work/target"
    # The same place both times: where a build lies may show in what it makes.
    (CARGO_TARGET_DIR=$work/target && build && assemble "$work/$n")
  done
  rm -rf -- "$work/target"
  diff -r "$work/1" "$work/2" || die 'two builds of the same sources differ'
  printf 'package: two builds are the same, byte for byte\n'
  cat "$work/1/SHA256SUMS"
  rm -rf -- "$work"
  exit
fi

build
assemble "$out"
printf '\n%s:\n' "$out"
(cd "$out" && find . -type f -printf '%12s  %P\n' | LC_ALL=C sort -k2)
printf '\nNodeRelease=s3://BUCKET/PREFIX/node/%s\n' "$digest"
