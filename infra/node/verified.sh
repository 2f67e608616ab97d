# shellcheck shell=sh
# Runs flink-sql-runner-node.sh of the release $1 with the other arguments, once its bytes are those that the release is
# named by: nothing that S3 answers runs before. EMR's steps and the SSM document carry this text as it stands.
# Exit codes: 6 the release cannot be had, 70 instead of 194; else the runner's.
set -eu
umask 022
release=$1
shift
digest=${release##*/}
if [ "$(id -u)" -eq 0 ]; then cache=/var/cache; else cache=${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache; fi
folder=${XDG_CACHE_HOME:-$cache}/flink-sql-runner/$digest
script=$folder/flink-sql-runner-node.sh sums=$folder/SHA256SUMS
die() {
  rm -f "$script.$$" "$sums.$$"
  echo "error: $1" >&2
  exit 6
}
fetch() {
  timeout -k 10 300 aws s3 cp --only-show-errors --cli-connect-timeout 10 --cli-read-timeout 60 \
    "$release/$1" "$folder/$1.$$" </dev/null || die "$release/$1 cannot be downloaded"
}
sum() { sha256sum <"$1" | cut -c1-64; }
whole() {
  [ -f "$script$1" ] && [ -f "$sums$1" ] && [ "$(sum "$sums$1")" = "$digest" ] &&
    grep -qxF "$(sum "$script$1")  flink-sql-runner-node.sh" "$sums$1"
}
mkdir -p "$folder"
if ! whole ""; then
  fetch SHA256SUMS
  fetch flink-sql-runner-node.sh
  whole ".$$" || die "$release/flink-sql-runner-node.sh is not that of the release"
  mv -f "$sums.$$" "$sums"
  mv -f "$script.$$" "$script"
fi
# This shell stays, and passes on that it is to end: 194 would have SSM's agent restart the node.
bash "$script" --release "$release" "$@" </dev/null &
runner=$!
trap 'kill -TERM "$runner" || :' HUP INT TERM
code=0
wait "$runner" || code=$?
while kill -0 "$runner" 2>/dev/null; do
  code=0
  wait "$runner" || code=$?
done
[ "$code" -ne 194 ] || code=70
exit "$code"
