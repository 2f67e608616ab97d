# Two commands for people: `make demo` and `make test`. Everything they need is installed under $(CACHE).

SHELL := /bin/bash
CACHE ?= $(HOME)/.cache/flink-sql-runner
export CACHE
export FSR_TOOLS := $(CACHE)/tools
# Cargo keys everything inside by itself; another compiler gets a folder of its own.
export CARGO_TARGET_DIR ?= $(CACHE)/target-$(shell rustc --version | sha256sum | cut -c1-12)

# Which Flink `make demo` shows: standalone, yarn or yarn-ha.
TARGET ?= standalone

.DEFAULT_GOAL := help
.PHONY: local-stack planted-faults help demo test check quick hooks infra options unit simulate fuzz e2e lambda package package-twice bench build install fmt

help: ## shows this
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## a whole life of the example jobs on a local stack with a real Flink (TARGET=yarn: a session on a real YARN)
	TARGET=$(TARGET) scripts/demo.sh

test: ## everything: format, lints, infra, Flink's options, unit tests, the model, the submitter, end to end, policies, cargo lambda, the package
	scripts/test.sh

check: ## format, spelling, dependencies and lints only
	scripts/test.sh check

quick: ## the part of check that compiles nothing: a few seconds
	scripts/test.sh quick

hooks: ## runs `make quick` before every commit in this clone (undo: git config --unset core.hooksPath)
	git config core.hooksPath scripts/hooks

infra: ## what is deployed: SAM, cfn-lint, moto's CloudFormation, the policies
	scripts/test.sh infra

options: ## Flink's options as they are checked in, against the release that is installed
	scripts/test.sh options

unit: ## unit tests, properties, snapshots and the model only
	scripts/test.sh unit

# Which random scenarios `make simulate` plays.
SEEDS ?= 1..1000

planted-faults: ## plants one-line faults and says which test finds each (ONLY=part of its text; a minute each)
	scripts/planted-faults.sh $(ONLY)

simulate: ## random operations under random faults in simulated time (SEEDS=1..1000; a failure prints its own seed)
	SEEDS=$(SEEDS) cargo nextest run -p tests --locked -E 'binary(simulation) and test(random)' --no-capture

# Which parsers `make fuzz` drives (part of a test's name; all without it), and for how many seconds each.
PARSER ?=
FUZZ_SECONDS ?= 300

fuzz: ## nasty inputs for every parser reached from outside (PARSER=manifest FUZZ_SECONDS=3600; a failure prints its FUZZ_SEED)
	FUZZ_SECONDS=$(FUZZ_SECONDS) cargo nextest run --workspace --locked --no-fail-fast --success-output final \
		-E '(package(fuzz) or binary(fuzz) or test(fuzz_tests::)) and test($(or $(PARSER),/./))'

e2e: ## the end-to-end tests only
	scripts/test.sh e2e

local-stack: ## the whole system on this machine, with a real Flink (ARGS="up|status|down …", ARGS=--help tells all)
	@cargo build --quiet --workspace --bins --locked
	@$(CARGO_TARGET_DIR)/debug/local-stack $(ARGS)

lambda: ## cargo lambda build, watch and invoke only
	scripts/test.sh lambda

package: ## what is deployed, in dist/: the Lambda's zip, the node's release, the command line, checksums (ARCH=arm64)
	PATH=$$(scripts/install-flink.sh tools | sed -n 's/^TOOLS_BIN=//p'):$$PATH scripts/package.sh

package-twice: ## builds the package from nothing twice and compares every byte
	PATH=$$(scripts/install-flink.sh tools | sed -n 's/^TOOLS_BIN=//p'):$$PATH scripts/package.sh --twice

bench: build ## how long Flink's client takes on YARN, by either way to reach the session; the samples replace benches/results/
	cargo bench --workspace --profile dev --bench submission

build: ## the programs, unoptimized
	cargo build --workspace --bins

# Where `make install` puts the programs.
BIN ?= $(CACHE)/bin

install: build ## Flink, its Python, the build tools; the programs (unoptimized) on a path that it tells (BIN=DIR)
	scripts/install-flink.sh
	@mkdir -p $(BIN)
	@ln -sfn $(CARGO_TARGET_DIR)/debug/{flink-sql-runner,local-stack} $(BIN)/
	@printf '\nflink-sql-runner and local-stack are in %s. To call them by name:\n  export PATH=%q:$$PATH FSR_TOOLS=%q\n' \
		$(BIN) $(BIN) $(FSR_TOOLS)

fmt: ## formats Rust and Python
	cargo fmt --all
	ruff=$$(scripts/install-flink.sh tools --print-env | sed -n 's/^TOOLS_BIN=//p')/ruff; $$ruff format shared/flink/submitter infra/checks; \
	$$ruff format --config infra/checks/pyproject.toml scripts
