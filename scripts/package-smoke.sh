#!/usr/bin/env bash
# The package as it is shipped, once around: built, the function unpacked from its zip under the local Lambda host, the
# runner from its release, the command line, and an example job deployed with them on a real Flink.
#
# usage: package-smoke.sh   (called by test.sh, which sets CARGO_TARGET_DIR and PATH)
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
: "${CARGO_TARGET_DIR:?}"
work=$PWD/.local/package
root=$work/stack
finish() { [[ ! -x $work/bin/flink-sql-runner ]] || "$work/bin/flink-sql-runner" local down --root "$root" >/dev/null 2>&1 || true; }
trap finish EXIT
die() {
  printf 'package-smoke: %s\n' "$*" >&2
  exit 1
}

finish
rm -rf -- "$work"
mkdir -p "$work/bin"
scripts/package.sh --out "$work/dist"
(cd "$work/dist" && sha256sum --quiet -c SHA256SUMS)
(cd "$work/dist"/node/* && sha256sum --quiet -c SHA256SUMS)
machine=$(uname -m)
# What is built runs with the C library of Amazon Linux 2 and of every EMR release.
for program in "$work/dist/flink-sql-runner-$machine" "$work/dist"/node/*/"flink-sql-runner-step-$machine"; do
  newest=$(objdump -T "$program" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -1)
  printf '%s needs %s\n' "$(basename -- "$program")" "$newest"
  [[ $(printf '%s\nGLIBC_2.17\n' "$newest" | sort -V | tail -1) == GLIBC_2.17 ]] || die "$program is not for glibc 2.17"
done

python3 -m zipfile -e "$work/dist/orchestrator-$machine.zip" "$work/unzipped"
install -m 755 "$work/unzipped/bootstrap" "$work/bin/orchestrator"
install -m 755 "$work/dist/flink-sql-runner-$machine" "$work/bin/flink-sql-runner"
install -m 755 "$work/dist"/node/*/"flink-sql-runner-step-$machine" "$work/bin/flink-sql-runner-step"
fsr=$work/bin/flink-sql-runner
"$fsr" local up --root "$root" >/dev/null
eval "$("$fsr" local status --root "$root")"
mkdir -p "$work/files/queries"
cp -r examples/config "$work/files/"
cp examples/queries/filter-expensive-items.yaml "$work/files/queries/"
"$fsr" deploy "$work/files" --wait
flink=$("$fsr" local status --root "$root" | sed -n 's/^# Flink: //p')
jobs=$(curl -sf --max-time 10 "$flink/jobs/overview")
[[ $jobs == *'"name":"filter-expensive-items"'* && $jobs == *'"state":"RUNNING"'* ]] || die "Flink runs: $jobs"
printf 'package-smoke: the packaged programs deployed a job\n'
