# Muster: `make` lists the commands. A fresh machine needs Python 3.11 or newer (with venv), git, make.

# The first of these that will do is used; name another one by `make setup PYTHON=/path/to/python3.12`.
PYTHON  := python3 python3.14 python3.13 python3.12 python3.11

VENV     := .venv
STATE    := .muster
BIN      := $(VENV)/bin
EMULATOR := $(STATE)/emulator
GATES    := $(STATE)/gates
PIP      := -m pip --disable-pip-version-check -qq
LOCKS    := $(wildcard requirements/runtime.txt lambdas/agents/*/requirements.txt local/agents/*/requirements.txt)

# Node.js and npm come from the environment, so that no other Node.js is asked.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# pyright runs on that Node.js and downloads nothing.
export PYRIGHT_PYTHON_GLOBAL_NODE := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Compiled once, for every process that comes after: hundreds do, and a synth costs a third less.
export PYTHONDONTWRITEBYTECODE :=
export NODE_COMPILE_CACHE ?= $(CURDIR)/$(STATE)/node-compile-cache

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Every day

.PHONY: demo
demo: setup ## Deploy to this machine, send jobs of every kind, check what became of them
	@$(BIN)/muster demo

.PHONY: check
check: setup ## The inner loop: format, lint, types, the quick ones of unit and infrastructure tests
	@$(MAKE) --no-print-directory static
	@$(BIN)/pytest -q -n auto --maxprocesses 4 -m 'not slow' tests/unit tests/infra lambdas

# More processes than cores: those with a cloud wait more than they work. One of them checks the types
# meanwhile (`tests/integration/test_types.py`), which takes one core a minute.
.PHONY: test
test: ## Everything: what check does, then every test there is, on real parts
	@$(MAKE) --no-print-directory -j4 installed $(GATES)/.installed prometheus-if-any
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -q -n 6

.PHONY: soak
soak: setup ## Break whatever listeners need while thousands of jobs run, then prove that none was lost
	@$(BIN)/python -m tests.support.soaking $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

.PHONY: gameday
gameday: setup ## Induce every fault that has a runbook, see its alarm, follow the runbook: make gameday ONLY=backlog
	@$(BIN)/python -m tests.support.gameday $(if $(ONLY),--only $(ONLY))

.PHONY: format
format: $(VENV)/.installed ## Format the code and mend what the linter can
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format .

.PHONY: help
help: ## List these commands
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

##@ Set-up

.PHONY: setup
setup: ## Make the environments (the other commands do it when needed)
	@$(MAKE) --no-print-directory -j3 installed

.PHONY: prometheus
prometheus: $(STATE)/prometheus/.fetched ## Fetch Debian's Prometheus (it is not installed), for the test that scrapes with a real one
	@:

.PHONY: lock
lock: $(VENV)/.installed ## Resolve requirements/*.in and the agents' anew, pinned by hash; package-lock.json too
	@$(BIN)/python -m local.lock
	@npm install --package-lock-only --silent
	@cd bench/peers && npm install --package-lock-only --silent --userconfig ../../.npmrc

.PHONY: clean
clean: ## Stop the local cloud and remove everything that was made, environments included
	@if [ -x $(BIN)/muster ]; then $(BIN)/muster down; fi
	rm -rf $(VENV) $(STATE) node_modules cdk.out muster.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Deploying

.PHONY: synth
synth: setup ## Make the templates of a stage, checked by every rule: make synth STAGE=dev
	@npx cdk synth --all --quiet -c stage="$(STAGE)" $(CDK)

.PHONY: diff
diff: setup ## Say what a deploy would change, by change sets
	@npx cdk diff --all -c stage="$(STAGE)" $(CDK)

.PHONY: deploy
deploy: setup ## Deploy a stage
	@npx cdk deploy --all -c stage="$(STAGE)" --require-approval never --progress events $(CDK)

.PHONY: why
why: setup ## Say why the last deploy of a stage failed
	@npx cdk diagnose --unstable=diagnose "muster-$(STAGE)-*" -c stage="$(STAGE)" $(CDK)

.PHONY: smoke
smoke: setup ## Send a job to a deployed stage and wait for its record
	@$(BIN)/python -m muster.cli smoke

##@ Benchmarks

.PHONY: bench
bench: setup ## Run every benchmark, each against its peers
	@for benchmark in $$(grep -l __main__ bench/*.py); do $(BIN)/python $$benchmark || exit 1; done

##@ Container image

.PHONY: image
image: setup ## Build the listener's image with Docker, as a deploy does; its steps are tested without
	@rm -rf $(STATE)/image && mkdir -p $(STATE)/image
	@$(BIN)/python -m stacks.listener_image $(STATE)/image
	@docker build --tag muster/listener --file $(STATE)/image/ecs_listener/Dockerfile $(STATE)/image

# What follows is made by the commands above.

.PHONY: static
static: lint types

.PHONY: lint
lint:
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted: run \`make format\`." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .

.PHONY: types
types:
	@$(BIN)/pyright --warnings

.PHONY: installed
installed: $(VENV)/.installed $(EMULATOR)/.installed node_modules/.installed $(STATE)/wheelhouse/.installed $(VENV)/.compiled
	@:

# Sets the shell's $python, or ends with the cure.
define find-python
for python in $(PYTHON) ""; do "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; done; \
if [ -z "$$python" ]; then \
  echo "Muster needs Python 3.11 or newer with its venv module; tried: $(PYTHON)." >&2; \
  echo "Install one (Debian, Ubuntu: apt install python3 python3-venv), or name one: make setup PYTHON=/path/to/python3.12" >&2; \
  exit 1; \
fi
endef

# Each has a mark that is set last: what was interrupted is taken up again.
$(VENV)/.installed: requirements/dev.txt pyproject.toml $(VENV)/.pip
	@$(BIN)/python $(PIP) install --require-hashes --no-compile -r requirements/dev.txt
	@$(BIN)/python $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The one pip that installs every environment: the one that Python brings reads an index three times as long.
$(VENV)/.pip: requirements/pip.txt
	@echo "Setting up $(VENV) (about half a minute, once) ..." >&2
	@$(BIN)/python -c '' 2>/dev/null || { $(find-python); "$$python" -m venv --clear $(VENV); }
	@$(BIN)/python $(PIP) install --require-hashes -r requirements/pip.txt
	@touch $@

# Byte code of what synth imports, a small part of a very large library; otherwise each synth would make it
# anew where the user's environment forbids writing it.
$(VENV)/.compiled: $(VENV)/.installed
	@$(BIN)/python -c 'import stacks.deployment'
	@touch $@

$(EMULATOR)/.installed: requirements/emulator.txt $(VENV)/.pip
	@echo "Setting up the emulator's environment ..." >&2
	@$(EMULATOR)/bin/python -c '' 2>/dev/null || $(BIN)/python -m venv --without-pip --clear $(EMULATOR)
	@$(BIN)/python $(PIP) --python $(EMULATOR)/bin/python install --require-hashes -r requirements/emulator.txt
	@touch $@

# The scanners of templates; only `make test` needs them.
$(GATES)/.installed: requirements/gates.txt $(VENV)/.pip
	@echo "Setting up the scanners' environment (once) ..." >&2
	@$(GATES)/bin/python -c '' 2>/dev/null || $(BIN)/python -m venv --without-pip --clear $(GATES)
	@$(BIN)/python $(PIP) --python $(GATES)/bin/python install --require-hashes --no-compile -r requirements/gates.txt
	@touch $@

node_modules/.installed: package-lock.json $(VENV)/.installed
	@echo "Installing the CDK command line ..." >&2
	@npm ci --silent --no-audit --no-fund
	@touch $@

# Signed by Debian's archive; unpacked, since only its one program is wanted.
$(STATE)/prometheus/.fetched:
	@mkdir -p $(STATE)/prometheus
	@cd $(STATE)/prometheus && { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; }
	@dpkg-deb -x $(STATE)/prometheus/prometheus_*.deb $(STATE)/prometheus && rm $(STATE)/prometheus/prometheus_*.deb
	@touch $@

.PHONY: prometheus-if-any
prometheus-if-any:
	@$(MAKE) --no-print-directory prometheus || echo "No Prometheus here: the test that scrapes with a real one says that it did not." >&2

$(STATE)/wheelhouse/.installed: $(LOCKS) local/wheelhouse.py $(VENV)/.installed
	@echo "Filling the wheelhouse ..." >&2
	@$(BIN)/python -m local.wheelhouse
	@touch $@
