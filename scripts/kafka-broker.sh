#!/usr/bin/env bash
# A real Kafka broker on this machine: one process that is broker and controller (KRaft), on 127.0.0.1.
#
# usage: kafka-broker.sh up|down|status|stop|start [--run-dir DIR] [--timeout SECONDS]
#   up         starts it unless it answers already; prints KAFKA_BOOTSTRAP=... when it serves clients
#   down       ends it and forgets its topics; the logs stay
#   status     prints KAFKA_BOOTSTRAP=... if it answers, else fails
#   stop       kills its process
#   start      starts it again, with the same port and topics, and waits until it answers
#   --run-dir  where its configuration, topics, logs and process id live (default: .local/run/kafka in the project)
#
# All ports are free ones, so that brokers live side by side. A topic that is written to or read is made if it is not
# there. Environment: KAFKA_JARS (default: what install-flink.sh installed).
# DIR/kafka.env has all that a client needs, KAFKA_JARS for the console tools among it:
#   java -cp "$KAFKA_JARS/*" org.apache.kafka.tools.TopicCommand --bootstrap-server "$KAFKA_BOOTSTRAP" --list
#   kafka.tools.ConsoleProducer and org.apache.kafka.tools.consumer.ConsoleConsumer likewise
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
run=$here/../.local/run/kafka timeout=60

# shellcheck source=/dev/null
source "$here/processes.sh"

command=${1:-}
[[ $# -gt 0 ]] && shift
while [[ $# -gt 0 ]]; do
  case $1 in
    --run-dir | --timeout) [[ $# -gt 1 ]] || die "$1 needs a value" ;;
  esac
  case $1 in
    --run-dir) run=$2 ;;
    --timeout) timeout=$2 ;;
    *) die "unknown argument '$1' (try --help)" ;;
  esac
  shift 2
done
run=$(realpath -m -- "$run")
conf=$run/server.properties
# shellcheck disable=SC2034 # processes.sh reads it
mark=$conf
positive "$timeout"

find_kafka() {
  installed kafka KAFKA_JARS
  [[ -d $KAFKA_JARS ]] || die "no jars in KAFKA_JARS=$KAFKA_JARS"
}

# One replica of everything, and one partition of Kafka's own topics, which is quicker to start. Transactions may be as
# long as Flink's sink asks for by default, one hour. The session is short, because a killed broker that is started
# again is let in only after the session of the one before.
write_conf() { # PORT CONTROLLER_PORT
  mkdir -p "$run/log"
  cat >"$conf" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$run/topics
num.partitions=2
default.replication.factor=1
min.insync.replicas=1
auto.create.topics.enable=true
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.max.timeout.ms=3600000
group.initial.rebalance.delay.ms=0
num.network.threads=1
num.io.threads=2
log.cleaner.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
CONF
  cat >"$run/log4j.properties" <<'CONF'
log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
CONF
  printf 'KAFKA_BOOTSTRAP=127.0.0.1:%s\nKAFKA_JARS=%s\n' "$1" "$KAFKA_JARS" >"$run/kafka.env"
}

bootstrap() { sed -n 's/^KAFKA_BOOTSTRAP=//p' -- "$run/kafka.env" 2>/dev/null; }
tell() { printf 'KAFKA_BOOTSTRAP=%s\n' "$(bootstrap)"; }

# What every Java process of Kafka gets.
jvm() { printf '%s\n' -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto "-Dlog4j.configuration=file:$run/log4j.properties" -cp "$KAFKA_JARS/*"; }

format() {
  local -a jvm
  mapfile -t jvm < <(jvm)
  "$(java_program)" "${jvm[@]}" kafka.tools.StorageTool format -c "$conf" \
    --cluster-id="$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')" >"$run/log/format.out" 2>&1 ||
    die "the storage was not formatted: $(tail -n 5 -- "$run/log/format.out")"
}

launch() {
  local -a jvm
  mapfile -t jvm < <(jvm)
  spawn broker "$(java_program)" -Xms64m -Xmx256m "${jvm[@]}" kafka.Kafka "$conf"
}

# Waits until the broker tells clients of itself, by Kafka's own protocol: its port is open before that. Answers 1 if
# its process ended or the time is up.
wait_ready() { # SECONDS
  python3 - "$(bootstrap)" "$1" "$(cat -- "$run/broker.pid")" <<'PY'
import os
import socket
import struct
import sys
import time

bootstrap, seconds, pid = sys.argv[1:]
host, port = bootstrap.split(":")


def brokers():
    """How many brokers the answer to a metadata request (of no topics) tells of."""
    request = struct.pack(">hhih1si", 3, 1, 1, 1, b"w", 0)
    with socket.create_connection((host, int(port)), timeout=2) as server:
        server.sendall(struct.pack(">i", len(request)) + request)
        answer = server.recv(12)
    return struct.unpack(">i", answer[8:12])[0]


until = time.monotonic() + float(seconds)
while True:
    try:
        if brokers() > 0:
            break
    except (OSError, struct.error):
        pass
    if time.monotonic() > until or not os.path.exists("/proc/" + pid):
        sys.exit(1)
    time.sleep(0.1)
PY
}

down() {
  end broker 0
  rm -f -- "$run/kafka.env"
  rm -rf -- "$run/topics"
}

up() {
  local attempt ports
  find_kafka
  if pid_of broker >/dev/null && [[ -n $(bootstrap) ]] && wait_ready 5; then
    tell
    return
  fi
  down
  for attempt in 1 2 3; do # another process may take a chosen port first
    read -r -a ports < <(free_ports 2)
    write_conf "${ports[@]}"
    format
    launch
    if wait_ready "$timeout"; then
      tell
      return
    fi
    down
    grep -qs 'BindException\|Address already in use' "$run/log/broker.out" || break
  done
  tail -n 20 -- "$run/log/broker.out" >&2 || true
  die "the broker did not come up within ${timeout}s (attempt $attempt); its log is $run/log/broker.out"
}

status() {
  if ! pid_of broker >/dev/null || [[ -z $(bootstrap) ]] || ! wait_ready 5; then die "no broker answers for $run"; fi
  tell
}

start() {
  [[ -f $run/kafka.env ]] || die "no broker for $run: use up"
  find_kafka
  if ! pid_of broker >/dev/null; then
    keep_output broker
    launch
  fi
  wait_ready "$timeout" || die "the broker does not answer within ${timeout}s; its log is $run/log/broker.out"
  tell
}

stop() { cut_off broker; }

case $command in
  up | down | status | stop | start) "$command" ;;
  -h | --help) usage ;;
  *) usage >&2 && exit 2 ;;
esac
