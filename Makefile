# Every recipe that people and CI run. `make` prints the menu.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Extras to install besides what is always needed: make install EXTRAS="heic".
EXTRAS ?=

VENV := .venv
TOOLS := .tools
BIN := $(VENV)/bin

# The version that wrote uv.lock; a uv that is already on the PATH is used as long as it can read it.
export UV_VERSION := 0.13.9
export UV_OLDEST := 0.9.17
# The interpreter is found here, not downloaded; certificates are those of the machine, so that
# a proxy with a root of its own works.
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := 1
export UV_PROJECT_ENVIRONMENT := $(VENV)

# A variable that was set for another project's environment must not lead ours astray.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

space := $(subst ,, )
extras := $(foreach extra,$(EXTRAS),--extra $(extra))
stamp := $(subst $(space),,$(VENV)/.installed$(foreach extra,$(sort $(EXTRAS)),-$(extra)))
inputs := pyproject.toml uv.lock

# `inexact` lets what an earlier command installed (extras, development tools) stay.
sync = uv="$$(.ci/find uv $(TOOLS))"; \
	[ -x $(BIN)/python ] || "$$uv" venv --quiet --python "$$(.ci/find python)" $(VENV); \
	"$$uv" sync --locked --inexact $(1) $(extras)

.PHONY: help
help: ## print this menu
	@printf 'Imagemill. What would you like to do?\n\n'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@printf '\nEach installs what it needs into %s first; nothing outside this folder is touched.\n' $(VENV)

.PHONY: install
install: $(stamp) ## install Imagemill into .venv; EXTRAS="heic" adds extras
	@echo 'Imagemill is installed: $(BIN)/imagemill'

.PHONY: run
run: $(stamp) ## start every service on this machine, until Ctrl-C
	@exec $(BIN)/imagemill serve

.PHONY: demo
demo: $(stamp) ## send sample pictures through a system of its own; results in demo-output/
	@$(BIN)/imagemill demo

.PHONY: test
test: lint $(TOOLS)/peers ## run everything that CI runs: the checks and all the tests
	@$(BIN)/pytest -n 4 --dist loadgroup

.PHONY: services
services: $(VENV)/.installed-dev $(TOOLS)/peers ## show which servers of others the tests find here, and install what they can
	@$(BIN)/python -m tests.peers

.PHONY: check
check: lint ## run the checks and the quick tests; less than a minute
	@$(BIN)/pytest -q -n 2 -m 'not server and not slow'

.PHONY: lint
lint: $(VENV)/.installed-dev ## run the checks alone: format, ruff, mypy, import-linter, docs
	@$(BIN)/ruff format --check --quiet . || { echo 'Not in the house format: make format.'; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m docs.generator --check

.PHONY: format
format: $(VENV)/.installed-dev ## put every file into the house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix --exit-zero --quiet .

.PHONY: docs
docs: $(VENV)/.installed-dev ## write docs/reference/ anew from the code
	@$(BIN)/python -m docs.generator

.PHONY: bench
bench: $(VENV)/.installed-dev ## measure Imagemill beside its peers; takes minutes and a quiet machine
	@$(BIN)/python -m benchmarks

.PHONY: bench-noop
bench-noop: $(VENV)/.installed-dev ## measure jobs that do nothing beside other job queues; takes minutes
	@$(BIN)/python -m benchmarks.noop

.PHONY: bench-finding
bench-finding: $(VENV)/.installed-dev ## measure finding among 100,000 images; takes three minutes
	@$(BIN)/python -m benchmarks.finding

.PHONY: bench-crowd
bench-crowd: $(VENV)/.installed-dev ## measure what slow clients and large uploads do to others; takes two minutes
	@$(BIN)/python -m benchmarks.crowd

.PHONY: bench-engines
bench-engines: $(VENV)/.installed-dev $(TOOLS)/peers ## measure the same jobs on every database, broker and storage; takes ten minutes
	@$(BIN)/python -m benchmarks.engines

.PHONY: adapters
adapters: $(VENV)/.installed-dev $(TOOLS)/peers ## run every adapter's suite on its real server, and write docs/reference/adapters.md
	@$(BIN)/pytest -q tests/contracts --adapters docs/reference/adapters.md

.PHONY: chaos
chaos: $(VENV)/.installed-dev ## kill, freeze, fill and cut, at full size; takes an hour and a quiet machine
	@$(BIN)/python -m tests.chaos --full

.PHONY: lock
lock: ## choose dependency versions anew, none younger than three days
	@uv="$$(.ci/find uv $(TOOLS))"; "$$uv" lock --upgrade

.PHONY: clean
clean: ## remove what the recipes made; data/ and demo-output/ stay
	@rm -rf $(VENV) $(TOOLS) dist .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A second run finds the stamp newer than the lock file and is done.
$(stamp): $(inputs)
	@$(call sync,--no-dev)
	@touch $@

# Other people's servers and programs that tests need; see .ci/peers.
$(TOOLS)/peers: .ci/peers tests/peers/package-lock.json
	@.ci/peers
	@mkdir -p $(@D) && touch $@

$(VENV)/.installed-dev: $(inputs)
	@$(call sync,)
	@touch $@ $(stamp)
