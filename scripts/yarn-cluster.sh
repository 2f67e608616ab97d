#!/usr/bin/env bash
# A real YARN on this machine for Flink sessions: one ResourceManager, one NodeManager and one ZooKeeper, on localhost.
#
# usage: yarn-cluster.sh COMMAND [--run-dir DIR] [--slots N] [--no-recovery] [--timeout SECONDS]
#   up            starts it unless it answers already; prints YARN_RM=... and ZOOKEEPER=... when its node runs
#   down          ends it, with all that runs on it, and forgets its state; the logs stay
#   status        prints what `up` prints if it answers, else fails
#   stop ROLE     kills one process: rm, nm or zk; what runs on a killed NodeManager runs on
#   start ROLE    starts it again, with the same ports and state, and waits until it answers
#   pause ROLE    stops its process where it is, so that it does not answer but is there
#   resume ROLE   lets it go on
#   --run-dir     where its configuration, state, logs and process ids live (default: .local/run/yarn in the project)
#   --slots       slots of a TaskManager of a session (default: 40)
#   --no-recovery a ResourceManager that is started again knows no application
#
# All ports are free ones, so that clusters live side by side.
# Environment: FLINK_HOME, FLINK_PYTHON and HADOOP_JARS (default: what install-flink.sh installed); S3_ENDPOINT,
# AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3:// paths (default: none).
# DIR/yarn.env has all that a client needs; DIR/flink-conf is the FLINK_CONF_DIR of the flink command and of
# yarn-session.sh. High availability is left to who starts a session.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
run=$here/../.local/run/yarn slots=40 recovery=true timeout=90
node_mb=12288 jobmanager_mb=1024 taskmanager_mb=2304

# shellcheck source=/dev/null
source "$here/processes.sh"

command=${1:-} role=''
[[ $# -gt 0 ]] && shift
case $command in
  start | stop | pause | resume)
    role=${1:-}
    [[ $role == rm || $role == nm || $role == zk ]] || die "$command needs rm, nm or zk"
    shift
    ;;
esac
while [[ $# -gt 0 ]]; do
  case $1 in
    --run-dir | --slots | --timeout) [[ $# -gt 1 ]] || die "$1 needs a value" ;;
  esac
  case $1 in
    --run-dir) run=$2 && shift ;;
    --slots) slots=$2 && shift ;;
    --timeout) timeout=$2 && shift ;;
    --no-recovery) recovery=false ;;
    *) die "unknown argument '$1' (try --help)" ;;
  esac
  shift
done
run=$(realpath -m -- "$run")
conf=$run/hadoop-conf
# shellcheck disable=SC2034 # processes.sh reads it
mark=-Dlog4j.configuration=file:$conf/log4j.properties
positive "$slots" "$timeout"

find_all() {
  find_flink
  installed hadoop HADOOP_JARS
  [[ -d $HADOOP_JARS ]] || die "no jars in HADOOP_JARS=$HADOOP_JARS"
}

text() { sed 's/&/\&amp;/g; s/</\&lt;/g' <<<"$1"; } # a value as XML text

hadoop_xml() { # FILE: from lines of name=value
  local line
  {
    printf '<configuration>\n'
    while IFS= read -r line; do
      [[ -z $line ]] || printf '  <property><name>%s</name><value>%s</value></property>\n' "${line%%=*}" "$(text "${line#*=}")"
    done
    printf '</configuration>\n'
  } >"$1"
}

write_hadoop_conf() { # NINE PORTS
  mkdir -p "$conf"
  hadoop_xml "$conf/core-site.xml" <<CONF
fs.defaultFS=file:///
hadoop.tmp.dir=$run/tmp
CONF
  # The heartbeats are short, because every container waits for one. A node is healthy until its disk is full.
  # The classpath of containers has the folder of the configuration too: Flink's TaskManagers read it.
  hadoop_xml "$conf/yarn-site.xml" <<CONF
yarn.resourcemanager.hostname=localhost
yarn.resourcemanager.webapp.address=localhost:$1
yarn.resourcemanager.address=localhost:$2
yarn.resourcemanager.scheduler.address=localhost:$3
yarn.resourcemanager.resource-tracker.address=localhost:$4
yarn.resourcemanager.admin.address=localhost:$5
yarn.resourcemanager.am.max-attempts=10
yarn.resourcemanager.connect.retry-interval.ms=1000
yarn.resourcemanager.nodemanagers.heartbeat-interval-ms=200
yarn.resourcemanager.scheduler.class=org.apache.hadoop.yarn.server.resourcemanager.scheduler.capacity.CapacityScheduler
yarn.resourcemanager.recovery.enabled=$recovery
yarn.resourcemanager.store.class=org.apache.hadoop.yarn.server.resourcemanager.recovery.FileSystemRMStateStore
yarn.resourcemanager.fs.state-store.uri=file://$run/rm-state
yarn.node-attribute.fs-store.root-dir=file://$run/tmp/node-attributes
yarn.scheduler.minimum-allocation-mb=128
yarn.scheduler.maximum-allocation-mb=$node_mb
yarn.nodemanager.hostname=localhost
yarn.nodemanager.webapp.address=localhost:$6
yarn.nodemanager.address=localhost:$7
yarn.nodemanager.localizer.address=localhost:$8
yarn.nodemanager.local-dirs=$run/nm-local
yarn.nodemanager.log-dirs=$run/nm-logs
yarn.nodemanager.remote-app-log-dir=$run/app-logs
yarn.nodemanager.recovery.enabled=true
yarn.nodemanager.recovery.dir=$run/nm-state
yarn.nodemanager.resource.memory-mb=$node_mb
yarn.nodemanager.resource.cpu-vcores=16
yarn.nodemanager.vmem-check-enabled=false
yarn.nodemanager.pmem-check-enabled=false
yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage=99
yarn.nodemanager.env-whitelist=JAVA_HOME,HADOOP_CONF_DIR,PATH,LANG,TZ
yarn.application.classpath=$conf,$HADOOP_JARS/*
CONF
  hadoop_xml "$conf/capacity-scheduler.xml" <<'CONF'
yarn.scheduler.capacity.root.queues=default
yarn.scheduler.capacity.root.default.capacity=100
yarn.scheduler.capacity.maximum-am-resource-percent=1.0
yarn.scheduler.capacity.resource-calculator=org.apache.hadoop.yarn.util.resource.DefaultResourceCalculator
CONF
  cat >"$conf/zoo.cfg" <<CONF
clientPortAddress=127.0.0.1
clientPort=$9
dataDir=$run/zk-state
tickTime=1000
minSessionTimeout=2000
maxSessionTimeout=40000
maxClientCnxns=0
admin.enableServer=false
CONF
  cat >"$conf/log4j.properties" <<'CONF'
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
CONF
}

# The heap gets what small jobs need of a TaskManager's memory. Of managed memory a window aggregation needs up to 8 MiB of
# its slot's part, the HashMap state backend none; 20 small jobs need few network buffers.
write_flink_conf() {
  mkdir -p "$run/flink-conf"
  cp -- "$FLINK_HOME"/conf/log4j*.properties "$run/flink-conf/"
  (
    umask 077 # it holds credentials
    cat >"$run/flink-conf/config.yaml" <<YAML
jobmanager.memory.process.size: ${jobmanager_mb}m
taskmanager.memory.process.size: ${taskmanager_mb}m
taskmanager.memory.network.min: 256m
taskmanager.memory.network.max: 256m
taskmanager.memory.managed.size: $((8 * slots))m
taskmanager.memory.jvm-metaspace.size: 320m
taskmanager.numberOfTaskSlots: $slots
# Otherwise a TaskManager asks for one core a slot, more than YARN grants, and never comes.
yarn.containers.vcores: 1
yarn.application-attempts: 10
yarn.staging-directory: $(yaml "file://$run/staging")
yarn.properties-file.location: $(yaml "$run/tmp")
parallelism.default: 1
state.backend.type: hashmap
state.checkpoints.num-retained: 3
python.executable: $(yaml "$FLINK_PYTHON")
python.client.executable: $(yaml "$FLINK_PYTHON")
web.tmpdir: $(yaml "$run/tmp")
env.log.dir: $(yaml "$run/log")
env.java.opts.all: $(yaml "$(stock_opens) -XX:+UseSerialGC -XX:TieredStopAtLevel=1")
YAML
    s3_settings >>"$run/flink-conf/config.yaml"
  )
}

write_env() { # RM_PORT ZOOKEEPER_PORT
  cat >"$run/yarn.env" <<ENV
YARN_RM=http://127.0.0.1:$1
ZOOKEEPER=127.0.0.1:$2
HADOOP_CONF_DIR=$conf
HADOOP_CLASSPATH=$conf:$HADOOP_JARS/*
FLINK_CONF_DIR=$run/flink-conf
FLINK_HOME=$FLINK_HOME
FLINK_PYTHON=$FLINK_PYTHON
ENV
}

value() { sed -n "s/^$1=//p" -- "$run/yarn.env" 2>/dev/null; } # NAME: of yarn.env

launch() { # ROLE
  local java heap=256 main
  local -a arguments=()
  java=$(java_program)
  case $1 in
    rm) main=org.apache.hadoop.yarn.server.resourcemanager.ResourceManager ;;
    nm) main=org.apache.hadoop.yarn.server.nodemanager.NodeManager ;;
    zk) main=org.apache.zookeeper.server.ZooKeeperServerMain heap=96 arguments=("$conf/zoo.cfg") ;;
  esac
  # Containers get their Java from the NodeManager.
  JAVA_HOME=${JAVA_HOME:-$(dirname -- "$(dirname -- "$(realpath -- "$java")")")} HADOOP_CONF_DIR=$conf \
    spawn "$1" "$java" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "-Xmx${heap}m" \
    --add-opens=java.base/java.lang=ALL-UNNAMED -Djava.net.preferIPv4Stack=true "-Djava.io.tmpdir=$run/tmp" \
    -Dzookeeper.forceSync=no "$mark" -cp "$(value HADOOP_CLASSPATH)" "$main" "${arguments[@]}"
}

# Waits until all ROLEs answer. A NodeManager must also be in service for the ResourceManager, if that is waited for
# or there. Answers 1 if a process ended or the time is up.
wait_ready() { # SECONDS ROLE...
  local -a pids=() roles=("${@:2}")
  local role
  for role in "${roles[@]}"; do pids+=("$(cat -- "$run/$role.pid")"); done
  if [[ " ${roles[*]} " == *' nm '* ]] && pid_of rm >/dev/null; then roles+=(node); fi
  "$FLINK_PYTHON" - "$1" "$(value YARN_RM)" "$(node_web)" "$(value ZOOKEEPER)" "${roles[*]}" "${pids[*]}" <<'PY'
import json
import os
import socket
import sys
import time
import urllib.request

seconds, manager, node, zookeeper, roles, pids = sys.argv[1:]


def get(url):
    with urllib.request.urlopen(url, timeout=2) as answer:
        return json.load(answer)


def zk():
    host, port = zookeeper.split(":")
    with socket.create_connection((host, int(port)), timeout=2) as server:
        server.sendall(b"srvr")
        return server.recv(9) == b"Zookeeper"


# A ResourceManager answers before it is active, and then knows neither applications nor nodes.
answers = {
    "rm": lambda: get(manager + "/ws/v1/cluster/info")["clusterInfo"]["haState"] == "ACTIVE",
    "nm": lambda: get(node + "/ws/v1/node/info")["nodeInfo"]["nodeHealthy"],
    "node": lambda: any(n["state"] == "RUNNING" for n in get(manager + "/ws/v1/cluster/nodes")["nodes"]["node"]),
    "zk": zk,
}
until = time.monotonic() + float(seconds)
missing = roles.split()
while missing:
    try:
        while missing and answers[missing[0]]():
            missing.pop(0)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    if missing:
        if time.monotonic() > until or not all(os.path.exists("/proc/" + pid) for pid in pids.split()):
            sys.exit(1)
        time.sleep(0.1)
PY
}

node_web() {
  sed -nE 's|.*<name>yarn.nodemanager.webapp.address</name><value>localhost:([0-9]+)<.*|http://127.0.0.1:\1|p' \
    "$conf/yarn-site.xml"
}

# Every process that a container of ours started has inherited its folder from YARN; the scripts that start
# containers are told by their path.
containers() {
  {
    grep -slaF -- "LOCAL_DIRS=$run/nm-local/" /proc/[0-9]*/environ || true
    grep -slaF -f <(printf '%s/nm-local/usercache/\n' "$run") /proc/[0-9]*/cmdline || true
  } | cut -d/ -f3 | sort -u
}

end_containers() {
  local tries pid pids
  for ((tries = 0; tries < 100; tries++)); do
    pids=$(containers)
    [[ -n $pids ]] || return 0
    for pid in $pids; do kill -KILL "$pid" 2>/dev/null || true; done
    sleep 0.1
  done
  die "containers do not end: ${pids//$'\n'/ }"
}

# The ResourceManager first, so that nothing is started again. Nothing is ended gently, its state goes with it.
down() {
  end rm 0
  end nm 0
  end_containers
  end zk 0
  rm -f -- "$run/yarn.env"
  rm -rf -- "$run"/{tmp,staging,app-logs,rm-state,nm-state,nm-local,zk-state}
}

all_alive() { [[ -f $run/yarn.env ]] && pid_of rm >/dev/null && pid_of nm >/dev/null && pid_of zk >/dev/null; }
tell() { printf 'YARN_RM=%s\nZOOKEEPER=%s\n' "$(value YARN_RM)" "$(value ZOOKEEPER)"; }

up() {
  local attempt ports
  find_all
  if all_alive && wait_ready 5 rm nm zk; then
    tell
    return
  fi
  down
  mkdir -p "$run"/{log,tmp,zk-state}
  for attempt in 1 2 3; do # another process may take a chosen port first
    read -r -a ports < <(free_ports 9)
    write_hadoop_conf "${ports[@]}"
    write_flink_conf
    write_env "${ports[0]}" "${ports[8]}"
    launch rm
    launch nm
    launch zk
    if wait_ready "$timeout" rm nm zk; then
      tell
      return
    fi
    down
    grep -qs BindException "$run"/log/{rm,nm,zk}.out || break
    mkdir -p "$run"/{tmp,zk-state}
  done
  tail -n 20 -- "$run"/log/{rm,nm,zk}.out >&2 || true
  die "YARN did not come up within ${timeout}s (attempt $attempt); logs in $run/log"
}

status() {
  find_all
  if ! all_alive || ! wait_ready 5 rm nm zk; then die "no YARN answers for $run"; fi
  tell
}

start() {
  [[ -f $run/yarn.env ]] || die "no YARN for $run: use up"
  find_all
  if ! pid_of "$role" >/dev/null; then
    keep_output "$role"
    launch "$role"
  fi
  wait_ready "$timeout" "$role" || die "$role does not answer within ${timeout}s; its log is $run/log/$role.out"
}

stop() { cut_off "$role"; }

signal() { # SIGNAL
  local pid
  pid=$(pid_of "$role") || die "$role is not there"
  kill "-$1" "$pid"
}
pause() { signal STOP; }
resume() { signal CONT; }

case $command in
  up | down | status | start | stop | pause | resume) "$command" ;;
  -h | --help) usage ;;
  *) usage >&2 && exit 2 ;;
esac
