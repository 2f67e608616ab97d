#!/usr/bin/env bash
# Writes the catalogue of Flink's own options from the release that is installed, and what that release says about
# values, which our reading of values is compared with.
#
# usage: flink-options.sh [--check]
#   --check  writes nothing; fails, with the difference, if what is checked in is not what the release says
# Another release than the one pinned is listed by FLINK_HOME=DIR. Scopes and ranges, which no class says, are kept by
# hand in the file beside the catalogue: shared/desired/src/manifest/catalogue/rules.tsv.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
desired=$here/../shared/desired
values=$desired/tests/fixtures/flink/values.tsv
if [[ -z ${FLINK_HOME:-} ]]; then
  FLINK_HOME=$("$here/install-flink.sh" flink --print-env | sed -n 's/^FLINK_HOME=//p')
fi

jars=("$FLINK_HOME"/lib/*.jar "$FLINK_HOME"/opt/flink-sql-*.jar "$FLINK_HOME"/plugins/*/*.jar)
release=$(basename -- "$FLINK_HOME"/lib/flink-dist-*.jar .jar)
release=${release#flink-dist-}
catalogue=$desired/src/manifest/catalogue/flink-${release%.*}.tsv

flink() { java -XX:TieredStopAtLevel=1 "$here/FlinkOptions.java" "$1" "${jars[@]}"; }

fresh=$(mktemp -d)
trap 'rm -rf -- "$fresh"' EXIT
{
  printf '# Options of Flink %s, written by scripts/flink-options.sh. Do not edit: see rules.tsv.\n' "$release"
  printf '# name\ttype\tdefault\told names\tfalls back on\tdescription\n'
  flink options 2>"$fresh/not-read"
} >"$fresh/catalogue"
{
  printf '# What Flink reads: type, value, verdict. Add lines as type<tab>value, then run scripts/flink-options.sh.\n'
  sed '/^#/d' "$values" | cut -f1-2 | flink values
} >"$fresh/values"

if [[ ${1:-} == --check ]]; then
  if ! { diff -u "$catalogue" "$fresh/catalogue" && diff -u "$values" "$fresh/values"; }; then
    printf 'flink-options: not what Flink %s says: run scripts/flink-options.sh\n' "$release" >&2
    exit 1
  fi
else
  cp -- "$fresh/catalogue" "$catalogue"
  cp -- "$fresh/values" "$values"
fi
printf 'flink-options: Flink %s, %d options, %d values\n' \
  "$release" "$(grep -cv '^#' "$fresh/catalogue")" "$(grep -cv '^#' "$fresh/values")"
