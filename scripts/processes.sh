# shellcheck shell=bash
# What the scripts that run clusters on this machine have in common. They source it after setting
#   here  the folder of the scripts
# and before its functions are used
#   run   the folder of the cluster
#   mark  an argument that only the processes of this cluster have on their command line

die() {
  printf '%s: %s\n' "$(basename -- "$0" .sh)" "$*" >&2
  exit 1
}
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p;}' "$0"; }

positive() { # VALUE...
  local number
  for number in "$@"; do
    [[ $number =~ ^[1-9][0-9]*$ ]] || die "'$number' is not a whole number above 0"
  done
}

java_program() { if [[ -n ${JAVA_HOME:-} ]]; then printf '%s/bin/java' "$JAVA_HOME"; else command -v java; fi; }

# Takes VARIABLE from the environment, or else from what install-flink.sh installed as COMPONENT.
installed() { # COMPONENT VARIABLE
  [[ -z ${!2:-} ]] || return 0
  printf -v "$2" '%s' "$("${here:?}/install-flink.sh" "$1" --print-env | sed -n "s/^$2=//p")"
  [[ -n ${!2} ]] || die "$2 is not known"
}

find_flink() {
  installed flink FLINK_HOME
  installed flink FLINK_PYTHON
  [[ -x $FLINK_HOME/bin/flink ]] || die "no Flink in FLINK_HOME=$FLINK_HOME"
}

# A process of ours is one whose recorded id is alive and whose command line has our mark.
pid_of() { # ROLE
  local pid
  pid=$(cat -- "${run:?}/$1.pid" 2>/dev/null) || return 1
  [[ -n $pid && -r /proc/$pid/cmdline ]] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "${mark:?}" || return 1
  printf '%s\n' "$pid"
}

# A session and process group of its own, so that it can be ended whole.
spawn() { # ROLE COMMAND...
  setsid "${@:2}" </dev/null >"${run:?}/log/$1.out" 2>&1 &
  printf '%s\n' "$!" >"$run/$1.pid"
}

gone() { # PID TENTHS: whether the process ends within that many tenths of a second
  local tries
  for ((tries = 0; tries < $2; tries++)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  ! kill -0 "$1" 2>/dev/null
}

# TERM, and after a while KILL for its whole process group.
end() { # ROLE TENTHS
  local pid
  if pid=$(pid_of "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    gone "$pid" "$2" || true
    kill -KILL -- "-$pid" 2>/dev/null || true
    gone "$pid" 50 || die "process $pid ($1) does not end"
  fi
  rm -f -- "${run:?}/$1.pid"
}

# As a crash would end it: no TERM, and whatever it started runs on.
cut_off() { # ROLE
  local pid
  if pid=$(pid_of "$1"); then
    kill -KILL "$pid"
    gone "$pid" 50 || die "process $pid ($1) does not end"
  fi
  rm -f -- "${run:?}/$1.pid"
}

# Keeps what a process printed before it is started again.
keep_output() { # ROLE
  cat -- "${run:?}/log/$1.out" >>"$run/log/$1.out.before"
}

# Free ports below the range that the system hands out by itself, so that nobody takes them meanwhile.
free_ports() { # COUNT
  "${FLINK_PYTHON:-python3}" - "$1" <<'PY'
import random
import socket
import sys

held = []
while len(held) < int(sys.argv[1]):
    candidate = socket.socket()
    try:
        candidate.bind(("127.0.0.1", random.randrange(20000, 32000)))
        held.append(candidate)
    except OSError:
        candidate.close()
print(*(s.getsockname()[1] for s in held))
PY
}

yaml() { sed "s/'/''/g; s/.*/'&'/" <<<"$1"; } # a value as a quoted YAML scalar

# What Flink opens of the JDK, from its own configuration.
stock_opens() { sed -nE '/^ +all: /{s/^ +all: //p;q;}' "$FLINK_HOME/conf/config.yaml"; }

# The lines of a Flink configuration for s3:// paths.
s3_settings() {
  [[ -z ${S3_ENDPOINT:-} ]] || printf 's3.endpoint: %s\ns3.path.style.access: true\n' "$(yaml "$S3_ENDPOINT")"
  [[ -z ${AWS_ACCESS_KEY_ID:-} ]] || printf 's3.access-key: %s\ns3.secret-key: %s\n' \
    "$(yaml "$AWS_ACCESS_KEY_ID")" "$(yaml "${AWS_SECRET_ACCESS_KEY:-}")"
}
