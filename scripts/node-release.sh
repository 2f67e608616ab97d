#!/usr/bin/env bash
# Puts a release for the node together in DIR/<digest> and prints the digest: the fixed scripts, the pinned Python
# packages, the step runner RUNNER for machines of kind MACHINE (x86_64 or aarch64), and the checksums of all of them.
#
# usage: node-release.sh RUNNER MACHINE DIR
# The digest is the SHA-256 of SHA256SUMS, so that the folder's name pins every byte in it. Whatever was in DIR is
# removed. Called by package.sh, and for the local stack.
set -euo pipefail
umask 022

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
[[ $# -eq 3 ]] || {
  printf 'usage: node-release.sh RUNNER MACHINE DIR\n' >&2
  exit 2
}
runner=$1 machine=$2 dir=$3

rm -rf -- "$dir"
mkdir -p -- "$dir/draft"
install -m 755 -- "$here/../infra/node/bootstrap-python.sh" "$here/../infra/node/flink-sql-runner-node.sh" "$dir/draft"
install -m 755 -- "$runner" "$dir/draft/flink-sql-runner-step-$machine"
install -m 644 -- "$here/requirements-flink.txt" "$dir/draft"
sums=$(cd -- "$dir/draft" && LC_ALL=C sha256sum ./* | sed 's|  \./|  |')
printf '%s\n' "$sums" >"$dir/draft/SHA256SUMS"
digest=$(sha256sum <"$dir/draft/SHA256SUMS" | cut -c1-64)
mv -T -- "$dir/draft" "$dir/$digest"
printf '%s\n' "$digest"
