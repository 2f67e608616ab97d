#!/usr/bin/env bash
# The package as it is shipped, once around: built, the function unpacked from its zip under the local Lambda host, the
# runner from its release, the command line, and an example job deployed with them on a real Flink. Then the function once
# more, under AWS's own emulator of the runtime interface.
#
# usage: package-smoke.sh   (called by test.sh, which sets CARGO_TARGET_DIR and PATH)
set -euo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck disable=SC2034 # processes.sh reads it
here=$PWD/scripts
# shellcheck source=/dev/null
source "$here/processes.sh"
: "${CARGO_TARGET_DIR:?}"
work=$PWD/.local/package
root=$work/stack
# What is packaged holds no fake AWS.
stack=$CARGO_TARGET_DIR/debug/local-stack
emulated=''
finish() {
  [[ -z $emulated ]] || kill "$emulated" 2>/dev/null || true
  [[ ! -x $stack ]] || "$stack" down --root "$root" >/dev/null 2>&1 || true
}
trap finish EXIT

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

# With the modes that the zip says: Lambda runs nothing that is not executable.
python3 - "$work/dist/orchestrator.zip" "$work/unzipped" <<'UNZIP'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for info in archive.infolist():
        os.chmod(archive.extract(info, sys.argv[2]), info.external_attr >> 16 & 0o777)
UNZIP
install -m 755 "$work/unzipped/bootstrap" "$work/bin/orchestrator"
install -m 755 "$work/dist/flink-sql-runner-$machine" "$work/bin/flink-sql-runner"
install -m 755 "$work/dist"/node/*/"flink-sql-runner-step-$machine" "$work/bin/flink-sql-runner-step"
fsr=$work/bin/flink-sql-runner
cargo build --workspace --bins --locked
"$stack" up --root "$root" --binaries "$work/bin" >/dev/null
eval "$("$stack" status --root "$root")"
mkdir -p "$work/files/queries"
cp -r examples/config "$work/files/"
cp examples/queries/filter-expensive-items.yaml "$work/files/queries/"
"$fsr" deploy "$work/files" --wait
flink=$("$stack" status --root "$root" | sed -n 's/^# Flink: //p')
jobs=$(curl -sf --max-time 10 "$flink/jobs/overview")
[[ $jobs == *'"name":"filter-expensive-items"'* && $jobs == *'"state":"RUNNING"'* ]] || die "Flink runs: $jobs"
printf 'package-smoke: the packaged programs deployed a job\n'

read -r -a ports < <(free_ports 2)
emulator=$(scripts/install-flink.sh emulator | sed -n 's/^LAMBDA_EMULATOR=//p')
address=127.0.0.1:${ports[0]}
"$emulator" --runtime-interface-emulator-address "$address" --runtime-api-address "127.0.0.1:${ports[1]}" \
  "$work/unzipped/bootstrap" >"$work/emulator.log" 2>&1 &
emulated=$!
invoke() { # EVENT
  curl -s --fail-with-body --max-time 60 --retry 20 --retry-connrefused --retry-delay 1 \
    -d "$1" "http://$address/2015-03-31/functions/function/invocations"
}
answer=$(invoke '{"action": "status"}') || die "the emulator answers: ${answer:-nothing}; $(tail -5 "$work/emulator.log")"
python3 - "$answer" "$jobs" <<'CHECK' || die "the function says under the emulator: $answer"
import json, sys
told = [(job["name"], job["run"], job["status"]) for job in json.loads(sys.argv[1])["jobs"]]
seen = [(job["name"], job["jid"], job["state"].lower()) for job in json.loads(sys.argv[2])["jobs"]]
assert told == seen, (told, seen)
CHECK
answer=$(invoke "$(cat events/s3-test-event.json)")
[[ $answer == '{"ignored":"s3:TestEvent"}' ]] || die "the function says under the emulator: $answer"
printf 'package-smoke: the function answered under AWS'"'"'s emulator of the runtime interface\n'
