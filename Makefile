# Verbs of Switchyard. Each installs what it needs the first time and is quick afterwards.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup tools requirements build package container bench test conformance fuzz lint local openapi synth deploy destroy servers-check servers-lock servers-verify servers-package servers-test

# One target triple for cargo and everything that calls it, so that all of it shares one directory of compiled code.
export CARGO_BUILD_TARGET := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')

# Instruction set of the Lambda functions: arm64 or x86_64.
ARCH ?= arm64
# How many inputs `make fuzz` tries for each property.
CASES ?= 10000
# First of the three ports in a row that the local stack listens on.
PORT ?= 4566
# For `make bench`: `all` compares the release profile with others, `hosting` measures hosted stdio servers only.
SETTINGS ?=
# Settings of the CDK app for `make synth`, `make deploy` and `make destroy`, as `-c key=value`; see cdk/config.ts.
CDK_ARGS ?=

help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: tools .venv/.installed node_modules/.installed ## Installs the Python and Node packages that the other verbs use

tools:
	@scripts/check-tools

.venv/.installed: requirements.txt | tools
	@echo "installing Python packages into .venv"
	@rm -rf .venv && python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.txt
	@touch $@

node_modules/.installed: package.json package-lock.json | tools
	@echo "installing Node packages into node_modules"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

requirements: ## Writes requirements.txt anew from requirements.in (needs uv)
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --output-file requirements.txt requirements.in
	uv pip compile --universal --python-version 3.10 --generate-hashes --no-header --output-file conformance/requirements.txt conformance/requirements.in

build: setup ## Builds the zips of all Lambda functions for release (ARCH=arm64 or x86_64)
	@scripts/build $(ARCH)

package: setup ## Packs the construct McpServer for other CDK apps: build/switchyard-{version}.tgz
	@npm run --silent package

container: ## Builds the container image of the pipelines server (needs Docker)
	@scripts/container

synth: build ## Packs the hosted servers and writes the CloudFormation templates to cdk.out (ARCH=..., CDK_ARGS="-c key=value")
	@node --import tsx cdk/hosting/pack.ts -c architecture=$(ARCH) $(CDK_ARGS)
	@node_modules/.bin/cdk synth --quiet -c architecture=$(ARCH) $(CDK_ARGS)

# What a person types for these two is handed on as it is, whatever characters it has; nothing expands it.
deploy destroy servers-test: override export STAGE := $(value STAGE)
deploy destroy servers-test: override export REGION := $(value REGION)
deploy destroy: override export ACCOUNT := $(value ACCOUNT)
deploy destroy: override export ARCH := $(value ARCH)
deploy destroy: override export CDK_ARGS := $(value CDK_ARGS)
deploy destroy: override export YES := $(value YES)
deploy destroy: override export PROBE := $(value PROBE)

deploy: setup ## Checks an account, builds, deploys (STAGE, REGION, ACCOUNT, ARCH, CDK_ARGS, PROBE=1, YES=1)
	@node --import tsx cdk/deploy/main.ts deploy

destroy: setup ## Removes a stage from the account, but not its tables (STAGE, REGION, ACCOUNT; YES=1)
	@node --import tsx cdk/deploy/main.ts destroy

local: setup ## Runs everything on this machine and opens a prompt (CHAT="one question", PORT=4566, SERVERS=time,git)
	@cargo build --workspace --exclude bench --bins
	@exec target/$(CARGO_BUILD_TARGET)/debug/switchyard local --port $(PORT) $(if $(value SERVERS),--servers "$$SERVERS") $(if $(value CHAT),--chat "$$CHAT")

test: setup ## Runs all tests: Rust units, the whole stack end to end, the CDK app
	@scripts/test

conformance: conformance/.venv/.installed conformance/node_modules/.installed ## Has our MCP client and a hosted server judged by the official conformance suite
	@scripts/conformance

conformance/.venv/.installed: conformance/requirements.txt | tools
	@echo "installing Node for the conformance suite into conformance/.venv"
	@rm -rf conformance/.venv && python3 -m venv conformance/.venv
	@conformance/.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement conformance/requirements.txt
	@touch $@

# npm itself runs on the Node that is there, which may be older than what the suite wants.
conformance/node_modules/.installed: conformance/package.json conformance/package-lock.json | tools
	@echo "installing the conformance suite into conformance/node_modules"
	@cd conformance && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

bench: setup ## Measures the functions as deployed: size, start, speed, memory (SETTINGS=all, hosting)
	@scripts/bench $(SETTINGS)

fuzz: setup ## Tries each property test on many inputs (CASES=10000)
	@scripts/fuzz $(CASES)

openapi: ## Writes docs/openapi.json anew from the routes of registry_api
	@REWRITE_OPENAPI=1 cargo test --quiet --workspace --exclude bench --lib registry_api::openapi

lint: setup ## Checks format and lints of Rust and TypeScript, dependencies, templates
	@scripts/lint

servers-check: setup ## Asks the package registries about the servers in servers.yaml and says what to do (JSON=1)
	@node --import tsx cdk/hosting/main.ts check

servers-package: setup ## Packs the servers in servers.yaml for a deployment (ARCH=..., CDK_ARGS="-c key=value")
	@node --import tsx cdk/hosting/pack.ts -c architecture=$(ARCH) $(CDK_ARGS)

servers-test: setup ## Tries the hosted servers of the running local stack, or of an account (SERVER=id, STAGE, REGION)
	@node --import tsx cdk/hosting/servers-test.ts

servers-lock: setup ## Resolves the packages of the servers in servers.yaml anew and writes hosting/ (SERVER=id for one)
	@node --import tsx cdk/hosting/main.ts lock

servers-verify: setup ## Starts the hosted servers as Lambda would and lists their tools (SERVER=id for one)
	@cargo build --quiet --workspace --bin stdio_host
	@node --import tsx cdk/hosting/main.ts verify

# What a person types is handed on as it is, whatever characters it has.
export CHAT JSON SERVER SERVERS
