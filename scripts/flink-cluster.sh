#!/usr/bin/env bash
# A standalone Flink session cluster on this machine: one JobManager, one TaskManager, everything on 127.0.0.1.
#
# usage: flink-cluster.sh up|down|status|stop ROLE|start ROLE [--run-dir DIR] [--rest-port PORT] [--slots N] [--timeout SECONDS] [--tls]
#   up          starts it unless it answers already; prints FLINK_REST=... when all slots are there
#   down        ends it and waits until its processes are gone
#   status      prints FLINK_REST=... if it answers, else fails
#   stop ROLE   kills one process: jobmanager or taskmanager
#   start ROLE  starts it again at the same address, and waits until the JobManager answers, with all slots of a TaskManager
#   --run-dir    where its configuration, logs and process ids live (default: .local/run/flink in the project)
#   --rest-port  default: a free one; the other ports are always free ones, so that clusters live side by side
#   --slots      default: 64
#   --tls        the REST API speaks TLS, both sides with certificates: DIR/tls has ca.pem, client.pem and client.key
#
# Environment: FLINK_HOME and FLINK_PYTHON (default: what install-flink.sh installed); S3_ENDPOINT,
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3:// paths (default: none).
# DIR/conf is the FLINK_CONF_DIR of the flink command; DIR/flink.env has all that a client needs.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
run=$here/../.local/run/flink rest_port='' slots=64 timeout=90 tls=''
task_heap_mb=1700 direct_mb=128 network_mb=512 metaspace_mb=384

# shellcheck source=/dev/null
source "$here/processes.sh"

command=${1:-}
[[ $# -gt 0 ]] && shift
role=''
case $command in
  start | stop)
    role=${1:-}
    [[ $role == jobmanager || $role == taskmanager ]] || die "$command needs jobmanager or taskmanager"
    shift
    ;;
esac
while [[ $# -gt 0 ]]; do
  if [[ $1 == --tls ]]; then
    tls=yes
    shift
    continue
  fi
  case $1 in
    --run-dir | --rest-port | --slots | --timeout) [[ $# -gt 1 ]] || die "$1 needs a value" ;;
  esac
  case $1 in
    --run-dir) run=$2 ;;
    --rest-port) rest_port=$2 ;;
    --slots) slots=$2 ;;
    --timeout) timeout=$2 ;;
    *) die "unknown argument '$1' (try --help)" ;;
  esac
  shift 2
done
run=$(realpath -m -- "$run")
conf=$run/conf
# shellcheck disable=SC2034 # processes.sh reads it
mark=$conf
positive "$slots" "$timeout" "${rest_port:-1}"

down() {
  end taskmanager 100
  end jobmanager 100
  rm -f -- "$run/flink.env"
  rm -rf -- "$run/tmp" "$run/tls"
}

# An authority of this cluster, and what it signs for the JobManager and for those who speak to it.
make_certificates() {
  local who password=changeit
  mkdir -p "$run/tls"
  (
    cd -- "$run/tls"
    umask 077 # there are keys
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=flink-cluster authority' -keyout ca.key -out ca.pem
    for who in jobmanager client; do
      openssl req -newkey rsa:2048 -nodes -subj "/CN=$who" -keyout "$who.key" -out "$who.csr"
      openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out "$who.pem" \
        -extfile <(printf 'subjectAltName=IP:127.0.0.1\n')
    done
    openssl pkcs12 -export -in jobmanager.pem -inkey jobmanager.key -out rest.p12 -passout "pass:$password"
    rm -f -- trusted.p12
    keytool -importcert -noprompt -alias authority -file ca.pem -keystore trusted.p12 -storetype PKCS12 \
      -storepass "$password"
  ) >"$run/log/certificates.log" 2>&1 || die "no certificates could be made; see $run/log/certificates.log"
}

tls_settings() {
  local of
  printf 'security.ssl.rest.enabled: true\nsecurity.ssl.rest.authentication-enabled: true\n'
  # Flink's default is one old cipher suite, without forward secrecy, which most clients refuse.
  printf 'security.ssl.algorithms: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n'
  printf 'security.ssl.rest.keystore: %s\n' "$(yaml "$run/tls/rest.p12")"
  printf 'security.ssl.rest.truststore: %s\n' "$(yaml "$run/tls/trusted.p12")"
  for of in keystore key truststore; do printf 'security.ssl.rest.%s-password: changeit\n' "$of"; done
}

write_conf() { # REST_PORT RPC_PORT
  local scheme=http
  mkdir -p "$conf" "$run/log" "$run/tmp"
  cp -- "$FLINK_HOME"/conf/log4j*.properties "$conf/"
  (
    umask 077 # it holds credentials
    cat >"$conf/config.yaml.new" <<YAML
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: $2
jobmanager.bind-host: 127.0.0.1
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: $1
rest.bind-port: $1
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: $slots
# Every part of the memory is given, because the processes are started without the scripts that would work
# them out (two more Java processes each). Managed memory is taken when it is used: a window aggregation needs
# up to 8 MiB of its slot's part, and the HashMap state backend none.
taskmanager.cpu.cores: $slots.0
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.task.heap.size: ${task_heap_mb}m
taskmanager.memory.framework.off-heap.size: ${direct_mb}m
taskmanager.memory.task.off-heap.size: ${direct_mb}m
taskmanager.memory.network.min: ${network_mb}m
taskmanager.memory.network.max: ${network_mb}m
taskmanager.memory.managed.size: $((8 * slots))m
taskmanager.memory.jvm-metaspace.size: ${metaspace_mb}m
taskmanager.memory.jvm-overhead.min: 256m
taskmanager.memory.jvm-overhead.max: 256m
parallelism.default: 1
state.backend.type: hashmap
state.checkpoints.num-retained: 3
python.executable: $(yaml "$FLINK_PYTHON")
python.client.executable: $(yaml "$FLINK_PYTHON")
io.tmp.dirs: $(yaml "$run/tmp")
web.tmpdir: $(yaml "$run/tmp")
env.log.dir: $(yaml "$run/log")
env.pid.dir: $(yaml "$run")
env.java.opts.all: $(yaml "$(stock_opens)")
YAML
    s3_settings >>"$conf/config.yaml.new"
    [[ -z $tls ]] || tls_settings >>"$conf/config.yaml.new"
    mv -f -- "$conf/config.yaml.new" "$conf/config.yaml"
  )
  [[ -z $tls ]] || scheme=https
  printf 'FLINK_REST=%s://127.0.0.1:%s\nFLINK_CONF_DIR=%s\nFLINK_HOME=%s\nFLINK_PYTHON=%s\n' \
    "$scheme" "$1" "$conf" "$FLINK_HOME" "$FLINK_PYTHON" >"$run/flink.env"
}

launch() { # ROLE CLASS JVM-OPTION...
  local role=$1 class=$2
  local -a options=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${@:3}"
    -Dconsole.log.level=OFF "-Dlog.file=$run/log/$role.log" "-Dlog4j.configurationFile=file:$conf/log4j-console.properties")
  FLINK_CONF_DIR=$conf FLINK_LIB_DIR=$FLINK_HOME/lib FLINK_OPT_DIR=$FLINK_HOME/opt \
    FLINK_PLUGINS_DIR=$FLINK_HOME/plugins FLINK_BIN_DIR=$FLINK_HOME/bin FLINK_LOG_DIR=$run/log \
    spawn "$role" "$java" "${options[@]}" -cp "$FLINK_HOME/lib/*" "$class" --configDir "$conf"
}

launch_role() { # ROLE
  local java opens
  java=$(java_program)
  read -r -a opens <<<"$(stock_opens)"
  case $1 in
    jobmanager)
      launch jobmanager org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint \
        "${opens[@]}" -Xmx700m -XX:MaxMetaspaceSize=256m
      ;;
    taskmanager)
      launch taskmanager org.apache.flink.runtime.taskexecutor.TaskManagerRunner "${opens[@]}" \
        "-Xmx$((task_heap_mb + 128))m" "-XX:MaxDirectMemorySize=$((network_mb + 2 * direct_mb))m" \
        "-XX:MaxMetaspaceSize=${metaspace_mb}m"
      ;;
  esac
}

# Waits until the JobManager answers and offers so many slots. Answers 1 if a process ended or the time is up.
wait_ready() { # SECONDS SLOTS ROLE...
  local wanted
  local -a pids=()
  for wanted in "${@:3}"; do pids+=("$(cat -- "$run/$wanted.pid")"); done
  "$FLINK_PYTHON" - "$(rest_of)" "$run/tls" "$2" "$1" "${pids[@]}" <<'PY'
import json
import os
import ssl
import sys
import time
import urllib.request

rest, tls, slots, seconds, *pids = sys.argv[1:]
context = None
if rest.startswith("https:"):
    context = ssl.create_default_context(cafile=tls + "/ca.pem")
    context.load_cert_chain(tls + "/client.pem", tls + "/client.key")
until = time.monotonic() + float(seconds)
while True:
    try:
        with urllib.request.urlopen(rest + "/overview", timeout=2, context=context) as answer:
            if json.load(answer)["slots-total"] >= int(slots):
                break
    except (OSError, ValueError, KeyError):
        pass
    if time.monotonic() > until or not all(os.path.exists("/proc/" + pid) for pid in pids):
        sys.exit(1)
    time.sleep(0.1)
PY
}

rest_of() { sed -n 's/^FLINK_REST=//p' -- "$run/flink.env" 2>/dev/null; }
all_ready() { wait_ready "$1" "$slots" jobmanager taskmanager; } # SECONDS
alive() { pid_of jobmanager >/dev/null && pid_of taskmanager >/dev/null && [[ -n $(rest_of) ]]; }

up() {
  local attempt ports
  find_flink
  if alive && all_ready 5; then
    printf 'FLINK_REST=%s\n' "$(rest_of)"
    return
  fi
  down
  mkdir -p "$run/log"
  [[ -z $tls ]] || make_certificates
  for attempt in 1 2 3; do # another process may take a chosen port first
    read -r -a ports < <(free_ports 2)
    write_conf "${rest_port:-${ports[0]}}" "${ports[1]}"
    launch_role jobmanager
    launch_role taskmanager
    if all_ready "$timeout"; then
      printf 'FLINK_REST=%s\n' "$(rest_of)"
      return
    fi
    down
    grep -qs 'BindException\|Could not start rest endpoint on any port' "$run/log/jobmanager.log" || break
    [[ -z $rest_port ]] || break
  done
  tail -n 20 -- "$run"/log/{job,task}manager.{log,out} >&2 || true
  die "the cluster did not come up within ${timeout}s (attempt $attempt); logs in $run/log"
}

status() {
  find_flink
  slots=1
  if ! alive || ! all_ready 5; then die "no cluster answers for $run"; fi
  printf 'FLINK_REST=%s\n' "$(rest_of)"
}

start() {
  local offered=0
  [[ -n $(rest_of) ]] || die "no cluster for $run: use up"
  find_flink
  [[ $role == jobmanager ]] || offered=$(sed -n 's/^taskmanager.numberOfTaskSlots: //p' "$conf/config.yaml")
  if ! pid_of "$role" >/dev/null; then
    keep_output "$role"
    launch_role "$role"
  fi
  wait_ready "$timeout" "$offered" "$role" || die "$role is not ready within ${timeout}s; its log is $run/log/$role.log"
}

stop() { cut_off "$role"; }

case $command in
  up | down | status | start | stop) "$command" ;;
  -h | --help) usage ;;
  *) usage >&2 && exit 2 ;;
esac
