#!/usr/bin/env bash
# EMR bootstrap action: the Python of PyFlink at one path on every node, and the settings of the primary node.
#
# usage: bootstrap-python.sh --release s3://BUCKET/PREFIX/node/DIGEST [NAME=VALUE...]
#   Installs the packages that the release pins into a virtual environment behind the link
#   /opt/flink-sql-runner/python. Where steps run - on the primary node, and on a machine that is no node of EMR - it
#   also writes the settings to /etc/flink-sql-runner/node.env, all of them anew, for the user who runs steps alone:
#   RUN_AS among the settings, else hadoop. Among them is PYEXEC_PATH, which is set to that Python unless it is given.
#
# FLINK_SQL_RUNNER_HOME and FLINK_SQL_RUNNER_ENV put the folder and the file elsewhere, and FLINK_SQL_RUNNER_INSTANCE
# names the file in which EMR says what this node is (default: /mnt/var/lib/info/instance.json).
# Exit codes: 2 usage or the node, 6 the release or a package cannot be had. Killed at any point, or run twice, it does
# the rest when it is run again. It must run with the bash 4.2 of Amazon Linux 2.
set -euo pipefail
umask 022

download_s=300
install_s=2400 # EMR gives up a bootstrap action after an hour
home=${FLINK_SQL_RUNNER_HOME:-/opt/flink-sql-runner}
settings=${FLINK_SQL_RUNNER_ENV:-/etc/flink-sql-runner/node.env}
instance=${FLINK_SQL_RUNNER_INSTANCE:-/mnt/var/lib/info/instance.json}

say() { printf 'bootstrap-python: %s\n' "$*"; }
die() { # CODE MESSAGE
  printf 'bootstrap-python: error: %s\n' "$2" >&2
  exit "$1"
}
# Bootstrap actions run as hadoop, which may use sudo.
as_root() { if [[ $EUID -eq 0 ]]; then "$@"; else sudo -n -- "$@"; fi; }

[[ $# -ge 2 && $1 == --release ]] || die 2 'usage: bootstrap-python.sh --release s3://BUCKET/PREFIX/node/DIGEST [NAME=VALUE...]'
release=$2
shape='^s3://[a-z0-9][a-z0-9.-]+/([A-Za-z0-9._-]+/)*node/[0-9a-f]{64}$'
[[ $release =~ $shape ]] || die 2 "the release '$release' is not s3://BUCKET/PREFIX/node/DIGEST"
digest=${release##*/}
shift 2

lines="PYEXEC_PATH=$home/python/bin/python3"
number=0 run_as=''
for setting in "$@"; do
  number=$((number + 1))
  [[ $setting =~ ^[A-Z][A-Z0-9_]*= && $setting != *[[:cntrl:]]* ]] ||
    die 2 "setting $number is not NAME=VALUE with an upper-case name on one line"
  lines+=$'\n'$setting
  [[ $setting != RUN_AS=* ]] || run_as=${setting#RUN_AS=}
done

# Whose file the settings are. Without EMR's user, as on a machine of one's own, they are of whoever runs this.
if [[ -n $run_as ]]; then
  owner=$(id -u -- "$run_as" 2>/dev/null) || die 2 "RUN_AS: there is no user '$run_as'"
else
  owner=$(id -u -- hadoop 2>/dev/null) || owner=$EUID
fi

runs_steps() { # PYTHON
  [[ -e $instance ]] || return 0
  local primary
  primary=$("$1" -c 'import json, sys; print(json.load(open(sys.argv[1]))["isMaster"])' "$instance" 2>/dev/null) || primary=''
  case $primary in
    True) ;;
    False) return 1 ;;
    *) die 2 "$instance does not say whether this is the primary node" ;;
  esac
}

# The last line of a name counts. The values may be secret: they go into a file that was closed to others before, and a
# rename puts all of them in force at once, whoever may read the file that was there.
write_settings() {
  if ! runs_steps "$home/python/bin/python3"; then
    as_root rm -f -- "$settings"
    say 'settings are kept on the primary node alone'
    return
  fi
  as_root mkdir -p -- "$(dirname -- "$settings")"
  as_root install -m 600 -o "$owner" -- /dev/null "$settings.new"
  printf '%s\n' "$lines" | as_root tee -- "$settings.new" >/dev/null
  as_root mv -fT -- "$settings.new" "$settings"
  say "settings are in $settings"
}

# PyFlink 1.20 goes from Python 3.8 to 3.11.
find_python() {
  local candidate
  for candidate in python3.11 python3.10 python3.9 python3.8 python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 8) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then
      command -v -- "$candidate"
      return
    fi
  done
  die 2 'PyFlink needs Python 3.8 to 3.11 with venv, and this node has none: use EMR 7, or install one before'
}

sum_of() { sha256sum <"$1" | cut -c1-64; } # FILE
fetch() { # NAME
  timeout --foreground -k 10 "$download_s" \
    aws s3 cp --only-show-errors --cli-connect-timeout 10 --cli-read-timeout 60 "$release/$1" "$draft/$1" </dev/null ||
    die 6 "$release/$1 cannot be downloaded"
}

# An environment is named by what it is made of, and complete once it says so: its paths are in its files, so it is
# built where it stays. The link changes last; what runs may go on with the environment before.
install_python() {
  local python environment
  python=$(find_python)
  environment=python-$({ "$python" --version && cat -- "$draft/requirements-flink.txt"; } | sha256sum | cut -c1-12)
  if [[ ! -e $home/$environment/.complete ]]; then
    rm -rf -- "${home:?}/$environment"
    "$python" -m venv "$home/$environment"
    timeout --foreground -k 10 "$install_s" "$home/$environment/bin/python3" -m pip install --quiet --no-input \
      --disable-pip-version-check --timeout 60 -r "$draft/requirements-flink.txt" </dev/null ||
      die 6 'the packages of requirements-flink.txt cannot be installed'
    touch -- "$home/$environment/.complete"
  fi
  ln -sfn -- "$environment" "$home/python.new"
  mv -fT -- "$home/python.new" "$home/python"
  say "$("$home/python/bin/python3" --version) is $home/python/bin/python3"
}

as_root mkdir -p -- "$home"
as_root chown -- "$EUID" "$home"
exec 9>>"$home/.lock"
flock -w "$install_s" 9 || die 6 'another bootstrap action does not end'
draft=$(mktemp -d)
trap 'rm -rf -- "$draft"' EXIT
fetch SHA256SUMS
[[ $(sum_of "$draft/SHA256SUMS") == "$digest" ]] || die 6 "$release/SHA256SUMS is not the one that the release is named by"
fetch requirements-flink.txt
grep -qxF -- "$(sum_of "$draft/requirements-flink.txt")  requirements-flink.txt" "$draft/SHA256SUMS" ||
  die 6 "$release/requirements-flink.txt is not the one in its SHA256SUMS"
install_python
write_settings
