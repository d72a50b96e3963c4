# Every verb installs what it needs the first time and is quick afterwards.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Instruction set of the zips that `make build` makes: arm64 (a deployment's default) or x86_64.
ARCH ?= arm64
# One target for cargo and cargo-lambda, so that they share what is compiled.
export CARGO_BUILD_TARGET ?= $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
PROGRAMS := $(TARGET_DIR)/$(CARGO_BUILD_TARGET)/debug
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export CHAT

.PHONY: help
help: ## Show the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
	@echo
	@echo '  make local CHAT="…"  answers one sentence and exits, non-zero if the run failed'
	@echo '  make build ARCH=x86_64  where the arm64 target or zig is missing'

.PHONY: setup
setup: .venv/.installed node_modules/.installed ## Install everything the other commands need

.PHONY: build
build: .venv/.installed ## Build the zips of all functions for a deployment
	@scripts/build $(ARCH)

.PHONY: test
test: setup ## Run every test, end to end on a deployed local stack included
	@scripts/test

.PHONY: lint
lint: setup ## Check formatting, lints, licences, agents and templates
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@scripts/deny
	npm run --silent lint
	npm run --silent templates
	cfn-lint --ignore-checks W3005 -- build/templates/*.json

.PHONY: local
local: setup ## Run the whole system on this machine, with a chat prompt
	@cargo build --quiet --locked --workspace --bins
	@$(PROGRAMS)/switchyard local $(if $(CHAT),--chat "$$CHAT")

.PHONY: synth
synth: setup ## Synthesise the templates for an account; builds the zips if there are none
	@scripts/zips-are-for $(ARCH) || scripts/build $(ARCH)
	npm run --silent synth -- -c architecture=$(ARCH)
	@echo "The templates are in cdk.out."

.PHONY: format
format: setup ## Format all sources
	cargo fmt --all
	npm run --silent format

# The tools written in Python or shipped through its registry, pinned with their hashes.
.venv/.installed: requirements.txt | required
	@echo "Installing Python tools into .venv"
	@test -x .venv/bin/python || python3 -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

node_modules/.installed: package.json package-lock.json | required
	@echo "Installing Node packages into node_modules"
	@npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: required
required:
	@scripts/required
