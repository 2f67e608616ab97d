#!/usr/bin/env bash
# Installs a release's step runner on this node, once, and runs it.
#
# usage: flink-sql-runner-node.sh --release s3://BUCKET/PREFIX/node/DIGEST ARGUMENT...
#   The arguments go to the runner as they are. DIGEST is the SHA-256 of the release's SHA256SUMS, which holds those of
#   its files: anything else that S3 answers is refused, and nothing of it is kept.
#
# FLINK_SQL_RUNNER_ENV names the file of the node's settings, lines of NAME=VALUE (default:
# /etc/flink-sql-runner/node.env, which may be missing). They become the runner's environment. Whoever may write the file
# says what runs here: it is refused if others may. If others may read it, that is warned of and no more: refusing would
# take back nothing that was read, and every job of a node that an older release set up would stand still. Two settings
# are for this script:
#   RUN_AS          the user that root becomes (default: hadoop)
#   XDG_CACHE_HOME  the user's caches (default: ~/.cache), where releases are kept under flink-sql-runner/node
#
# Exit codes: 2 usage or settings, 6 the release cannot be had; else the runner's.
# It must run with the bash 4.2 of Amazon Linux 2.
set -euo pipefail
umask 022

limit_s=300 # of each download, and of the wait for whoever clears a release away
kept_days=7 # how long a release that nobody runs is kept

die() { # CODE MESSAGE
  printf 'flink-sql-runner-node: error: %s\n' "$2" >&2
  exit "$1"
}

mode=600 owner=0
look_at_settings() {
  [[ -f $settings ]] || return 0
  read -r mode owner < <(stat -L -c '%a %u' -- "$settings") || die 2 "the settings file $settings cannot be looked at"
  (((8#$mode & 8#022) == 0)) || die 2 "others may write the settings file $settings (mode $mode): chmod 600 it"
}

# The file is data: nothing in it is evaluated. Its values may not be for logs, so errors name lines.
each_setting() { # FUNCTION, called with NAME and VALUE
  local line number=0
  [[ -e $settings || -n ${FLINK_SQL_RUNNER_ENV:-} ]] || return 0
  [[ -f $settings && -r $settings ]] || die 2 "the settings file $settings cannot be read"
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    [[ ! $line =~ ^[[:space:]]*(#|$) ]] || continue
    [[ $line =~ ^([A-Z][A-Z0-9_]*)=(.*)$ && $line != *[[:cntrl:]]* ]] ||
      die 2 "line $number of $settings is not NAME=VALUE with an upper-case name"
    case ${BASH_REMATCH[1]} in
      # The shell's own and the loader's: set, they would change how this script runs.
      BASH* | ENV | SHELLOPTS | IFS | UID | EUID | PPID | LD_* | FLINK_SQL_RUNNER_ENV)
        die 2 "line $number of $settings: ${BASH_REMATCH[1]} cannot be a setting"
        ;;
    esac
    "$1" "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
  done <"$settings"
}

user=hadoop
read_user() { [[ $1 != RUN_AS ]] || user=$2; }
# What this script's own tools need; the rest may be secret, and is for the runner alone.
use_here() {
  case $1 in
    AWS_* | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | PATH | XDG_CACHE_HOME) export "$1=$2" ;;
  esac
}
use() { export "$1=$2"; }

sum_of() { sha256sum <"$1" | cut -c1-64; } # FILE
listed() {                                 # FOLDER: the sum that its SHA256SUMS has for the runner
  local sum name
  while read -r sum name; do
    [[ ${name#\*} != "$runner" ]] || printf '%s' "$sum"
  done <"$1/SHA256SUMS"
}
whole() { # FOLDER: whether the release's runner lies in it
  [[ -f $1/SHA256SUMS && -x $1/$runner ]] &&
    [[ $(sum_of "$1/SHA256SUMS") == "$digest" && $(sum_of "$1/$runner") == "$(listed "$1")" ]]
}

fetch() { # NAME
  # In the foreground, so that whoever ends this script's process group ends the download too.
  timeout --foreground -k 10 "$limit_s" \
    aws s3 cp --only-show-errors --cli-connect-timeout 10 --cli-read-timeout 60 "$release/$1" "$draft/$1" </dev/null ||
    die 6 "$release/$1 cannot be downloaded"
}

# Into a folder of its own first; each file gets its place by a rename once it is verified, so that a kill at any point
# and others that do the same at the same time leave nothing half.
install_runner() {
  draft=$(mktemp -d "$cache/draft.XXXXXXXXXX")
  trap 'rm -rf -- "$draft"' EXIT
  fetch SHA256SUMS
  [[ $(sum_of "$draft/SHA256SUMS") == "$digest" ]] || die 6 "$release/SHA256SUMS is not the one that the release is named by"
  [[ -n $(listed "$draft") ]] || die 2 "the release $release has no runner for this machine ($runner)"
  fetch "$runner"
  [[ $(sum_of "$draft/$runner") == "$(listed "$draft")" ]] || die 6 "$release/$runner is not the one in its SHA256SUMS"
  chmod 755 "$draft/$runner"
  mkdir -p "$cache/$digest"
  mv -f -- "$draft/SHA256SUMS" "$draft/$runner" "$cache/$digest/"
  rm -rf -- "$draft"
  trap - EXIT
}

# A runner holds its release's lock as long as it lives, so what can be locked is run by nobody. Locks stay: one that
# were removed could be held by two.
clear_away() {
  local lock other
  find "$cache" -maxdepth 1 -name 'draft.*' -mmin +60 -exec rm -rf -- {} +
  while IFS= read -r lock; do
    other=$(basename -- "$lock" .lock)
    [[ $other =~ ^[0-9a-f]{64}$ && $other != "$digest" ]] || continue
    (flock -n -x 8 && rm -rf -- "${cache:?}/$other") 8>>"$lock" || true
  done < <(find "$cache" -maxdepth 1 -name '*.lock' -mtime "+$kept_days")
}

[[ $# -ge 3 && $1 == --release ]] || die 2 'usage: flink-sql-runner-node.sh --release s3://BUCKET/PREFIX/node/DIGEST ARGUMENT...'
release=$2
shape='^s3://[a-z0-9][a-z0-9.-]+/([A-Za-z0-9._-]+/)*node/[0-9a-f]{64}$'
[[ $release =~ $shape ]] || die 2 "the release '$release' is not s3://BUCKET/PREFIX/node/DIGEST"
digest=${release##*/}
settings=${FLINK_SQL_RUNNER_ENV:-/etc/flink-sql-runner/node.env}

look_at_settings
if [[ $EUID -eq 0 ]]; then
  each_setting read_user
  id -u -- "$user" >/dev/null 2>&1 || die 2 "RUN_AS: there is no user '$user'"
  # Else the user whose file it is could have anybody run what he likes, root too.
  [[ $owner -eq 0 || $owner -eq $(id -u -- "$user") ]] ||
    die 2 "RUN_AS: $settings belongs to the user of number $owner, who cannot say that '$user' runs steps"
  if [[ $(id -u -- "$user") -ne 0 ]]; then
    self=$(realpath -- "${BASH_SOURCE[0]}")
    home=$(getent passwd "$user" | cut -d: -f6)
    # Root's folder may be closed to the user.
    cd -- "$home" || die 2 "the folder of the user '$user' cannot be entered"
    exec runuser -u "$user" -- env -u XDG_CACHE_HOME "HOME=$home" "USER=$user" "LOGNAME=$user" bash "$self" "$@"
  fi
fi
shift 2

(((8#$mode & 8#004) == 0)) ||
  printf 'flink-sql-runner-node: warning: others may read the settings file %s (mode %s): chmod 600 it\n' "$settings" "$mode" >&2
each_setting use_here
case $(uname -m) in
  x86_64) runner=flink-sql-runner-step-x86_64 ;;
  aarch64 | arm64) runner=flink-sql-runner-step-aarch64 ;;
  *) die 2 "there is no runner for machines of the kind $(uname -m)" ;;
esac
home=${HOME:-$(getent passwd "$EUID" | cut -d: -f6)}
cache=${XDG_CACHE_HOME:-$home/.cache}/flink-sql-runner/node
[[ $cache == /* ]] || die 2 "the folder of caches '$cache' is no absolute path"
mkdir -p "$cache" || die 2 "the folder $cache cannot be made"

exec 9>>"$cache/$digest.lock"
flock -s -w "$limit_s" 9 || die 6 "the release $digest is being cleared away for more than $limit_s s"
touch -- "$cache/$digest.lock"
if ! whole "$cache/$digest"; then
  install_runner
  clear_away || true # it is tried again with the next release
fi
each_setting use
exec "$cache/$digest/$runner" "$@"
