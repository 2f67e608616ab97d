#!/usr/bin/env bash
# Installs Flink, what it runs on and the build tools for this project, from PyPI, Maven and Go's modules only.
#
# usage: install-flink.sh [flink|hadoop|kafka|tools|aws|predecessor|emulator|all] [--print-env]
#   flink        the Python environment with PyFlink, and a private Flink home assembled from it, with the S3 plugin
#                and the Kafka connector
#   hadoop       the jars of YARN and ZooKeeper
#   kafka        the jars of a Kafka broker and its console tools
#   tools        the Python environment with the build tools (cargo-lambda, nextest, deny, shear, zig, ruff, typos, …)
#   aws          the Python environment that checks infra/ (SAM, cfn-lint, moto, the AWS command line)
#   predecessor  the Python tool that this one succeeds, for the tests of changing over
#   emulator     AWS's own emulator of the Lambda runtime interface, which runs the packaged function
#   all          all of them (default)
#   --print-env  only print where things are; fails if they are not installed
#
# Everything lands in $FSR_TOOLS (default: .local in the project), in folders keyed by the hash of the pin
# files. A folder is built under a name of its own and gets its place by one rename of a link, so what can be
# found there is whole, whenever the install is killed.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(realpath -m -- "${FSR_TOOLS:-$here/../.local}")
layout=1 # raise it when this script assembles something else from the same pins

say() { printf 'install-flink: %s\n' "$*"; }
die() {
  printf 'install-flink: %s\n' "$*" >&2
  exit 1
}

what=all print_only=false
for arg in "$@"; do
  case $arg in
    flink | hadoop | kafka | tools | aws | predecessor | emulator | all) what=$arg ;;
    --print-env) print_only=true ;;
    -h | --help)
      sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p;}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) die "unknown argument '$arg' (try --help)" ;;
  esac
done
needs() { # PROGRAM NAME
  command -v "$1" >/dev/null || die "$2 ($1) is needed and was not found on PATH"
}
wants() { [[ $what == all || $what == "$1" ]]; }

key_of() { { printf '%s\n' "$layout" && cat -- "$@"; } | sha256sum | cut -c1-12; }
# Apart from the home, so that another plugin or connector does not install PyFlink anew.
pyflink=$root/pyflink-$(key_of "$here/requirements-flink.txt")
flink=$root/flink-$(key_of "$here/requirements-flink.txt" "$here/flink-plugins.txt" "$here/flink-connectors.txt")
hadoop=$root/hadoop-$(key_of "$here/hadoop-pom.xml")
kafka=$root/kafka-$(key_of "$here/kafka-pom.xml")
tools=$root/tools-$(key_of "$here/requirements-tools.txt")
aws=$root/aws-$(key_of "$here/requirements-aws.txt")
predecessor=$root/predecessor-$(key_of "$here/requirements-predecessor.txt")
emulator=$root/emulator-$(key_of "$here/emulator-module.txt")

there() { # DIR WHAT
  [[ -d $1 ]] || die "$2 not installed under $root: run scripts/install-flink.sh"
}

print_env() {
  if wants flink; then
    there "$pyflink" "PyFlink is"
    there "$flink" "Flink is"
    printf 'FLINK_HOME=%s\nFLINK_PYTHON=%s\n' "$flink/home" "$pyflink/venv/bin/python"
  fi
  if wants hadoop; then
    there "$hadoop" "Hadoop is"
    printf 'HADOOP_JARS=%s\n' "$hadoop/lib"
  fi
  if wants kafka; then
    there "$kafka" "Kafka is"
    printf 'KAFKA_JARS=%s\n' "$kafka/lib"
  fi
  if wants tools; then
    there "$tools" "the build tools are"
    printf 'TOOLS_BIN=%s\n' "$tools/venv/bin"
  fi
  if wants aws; then
    there "$aws" "the checks of infra are"
    printf 'AWS_BIN=%s\n' "$aws/venv/bin"
  fi
  if wants predecessor; then
    there "$predecessor" "the Python tool is"
    printf 'PREDECESSOR_PYTHON=%s\n' "$predecessor/venv/bin/python"
  fi
  if wants emulator; then
    there "$emulator" "the Lambda emulator is"
    printf 'LAMBDA_EMULATOR=%s\n' "$emulator/bin/aws-lambda-rie"
  fi
}

# PyFlink 1.20 goes up to Python 3.11.
find_python() {
  local candidate
  for candidate in python3.11 python3 python; do
    if "$candidate" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
      command -v -- "$candidate"
      return
    fi
  done
  die "Python 3.11 with venv is needed and was not found on PATH"
}

make_venv() { # DIR REQUIREMENTS [OPTION]...
  "$(find_python)" -m venv "$1"
  "$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check "${@:3}" -r "$2"
}

maven() { mvn -q -B -Dstyle.color=never "$@"; }

pins() { sed -E '/^(#|$)/d' "$1"; } # FILE

# A Flink home of links into the Python package, with the S3 plugin, and with the connectors and flink-python among
# the cluster's own jars, so that neither they nor Python functions need an upload. bin and opt are real folders:
# Flink's scripts resolve links, and its client does not look through a linked opt.
assemble_home() { # DIR PYFLINK
  local home=$1 package=$2 coordinate plugin
  mkdir -p "$home"/{lib,opt,conf,log,plugins}
  cp -r -- "$package/bin" "$home/bin"
  chmod +x "$home"/bin/*.sh "$home/bin/flink"
  ln -s -- "$package"/lib/*.jar "$package"/opt/flink-python-*.jar "$home/lib/"
  ln -s -- "$package"/opt/*.jar "$home/opt/"
  cp -- "$package"/conf/log4j*.properties "$package/conf/config.yaml" "$home/conf/"
  for coordinate in $(pins "$here/flink-plugins.txt"); do
    plugin=$(cut -d: -f2 <<<"$coordinate")
    maven dependency:copy "-Dartifact=$coordinate" "-DoutputDirectory=$home/plugins/${plugin#flink-}"
    say "plugin $coordinate"
  done
  for coordinate in $(pins "$here/flink-connectors.txt"); do
    maven dependency:copy "-Dartifact=$coordinate" "-DoutputDirectory=$home/lib"
    say "connector $coordinate"
  done
}

build_pyflink() { # DIR
  make_venv "$1/venv" "$here/requirements-flink.txt"
  say "PyFlink $("$1/venv/bin/python" -c 'from pyflink.version import __version__; print(__version__)')"
}

build_flink() { # DIR
  assemble_home "$1/home" "$("$pyflink/venv/bin/python" -c 'import os, pyflink; print(os.path.dirname(pyflink.__file__))')"
}

build_jars() { # DIR POM
  maven -f "$2" dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$1/lib"
  say "$(basename -- "$2"): $(find "$1/lib" -name '*.jar' | wc -l) jars"
}
build_hadoop() { build_jars "$1" "$here/hadoop-pom.xml"; } # DIR
build_kafka() { build_jars "$1" "$here/kafka-pom.xml"; }   # DIR

build_python() { # DIR REQUIREMENTS WHAT [OPTION]...
  make_venv "$1/venv" "$2" "${@:4}"
  say "$3: $(sed -nE '/^# What the lines above/q; s/^([a-z0-9_-]+)(\[.*\])?==.*/\1/p' "$2" | paste -sd ' ')"
}
build_tools() { build_python "$1" "$here/requirements-tools.txt" "build tools"; } # DIR
build_aws() { build_python "$1" "$here/requirements-aws.txt" "checks of infra"; }  # DIR
# It asks for an older Flink than ours: what it needs is in the file.
build_predecessor() { build_python "$1" "$here/requirements-predecessor.txt" "the Python tool" --no-deps; } # DIR

build_emulator() { # DIR
  GOBIN=$1/bin go install "$(pins "$here/emulator-module.txt")"
  say "$(basename -- "$1/bin/aws-lambda-rie")"
}

# install LINK BUILDER: nothing if LINK is there, else build in a fresh folder and put the link in its place.
install() {
  local link=$1 builder=$2 build started=$SECONDS
  if [[ -d $link ]]; then
    say "$(basename -- "$link") is installed"
    return
  fi
  # Under the lock, a folder that no link names is what a killed install left.
  for build in "$link".build.*; do rm -rf -- "$build"; done
  build=$(mktemp -d "$link.build.XXXXXX")
  chmod 755 "$build"
  "$builder" "$build"
  ln -sfn -- "$(basename -- "$build")" "$link.new"
  mv -fT -- "$link.new" "$link"
  say "installed $(basename -- "$link") in $((SECONDS - started))s"
}

if ! $print_only; then
  if wants flink || wants hadoop || wants kafka; then needs mvn Maven; fi
  if wants emulator; then needs go Go; fi
  mkdir -p "$root"
  exec 9>"$root/.install.lock"
  flock 9
  if wants flink; then
    install "$pyflink" build_pyflink
    install "$flink" build_flink
    ln -sfn -- "$(basename -- "$flink")/home" "$root/flink"
  fi
  if wants hadoop; then install "$hadoop" build_hadoop; fi
  if wants kafka; then install "$kafka" build_kafka; fi
  if wants tools; then install "$tools" build_tools; fi
  if wants aws; then install "$aws" build_aws; fi
  if wants predecessor; then install "$predecessor" build_predecessor; fi
  if wants emulator; then install "$emulator" build_emulator; fi
fi
print_env
