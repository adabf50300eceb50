# `make help` lists the commands. Needs Python 3.11 or newer, make and git; everything else is
# installed into .venv/ at the versions of the lock files.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Lock files hold names, versions and hashes only: no index, no path of a machine.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --no-annotate \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header
ARGS ?=
# Processes that run tests side by side; 0: none but make's own child, for a debugger.
PROCESSES ?= auto

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo test coverage lint check format bench index lock clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Thence needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.installed-bench: requirements-bench.lock $(VENV)/.installed
	$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $@

install: $(VENV)/.installed ## Install Thence into .venv/

install-dev: $(VENV)/.installed-dev ## Install Thence and what its tests and checks need

demo: install ## Start the service and watch it work: retries, dead ends, deliveries
	$(BIN)/thence demo $(ARGS)

test: install-dev ## Run all tests, a process for each core (ARGS='-m "not slow"' or "-k word" to choose)
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal $(ARGS)

# As information: nothing is failed by it. Only rooms whose tests run them in their own process, since
# it costs these tests a third more time, and says nothing of what runs in instances and programs. The
# fixture of the package is left out, so that nothing is imported before it is looked at.
COVERED := lifecycle catalog config signing store engine destinations
coverage: install-dev ## Say how much of each room its tests run (a part of the tests, no verdict)
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal -m "not slow" -q \
		-p no:thence.testing.fixtures \
		$(COVERED:%=tests/%) $(COVERED:%=--cov=thence.%) --cov-report= $(ARGS)
	@for room in $(COVERED); do printf '%-14s %s %%\n' $$room \
		"$$($(BIN)/coverage report --include="src/thence/$$room/*" --format=total)"; done

lint: install-dev ## Format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## Format, lint, types, layers, tests: all that a change must pass

format: install-dev ## Format the code and mend what the linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-bench ## Measure speed as ratios within one run (ARGS=--quick: a few minutes)
	$(BIN)/thence bench $(ARGS)

index: install ## Write changes/README.md, the list of the notes, anew
	$(BIN)/python tests/docs/changes_index.py

lock: | $(BIN)/python ## Write the lock files anew from pyproject.toml
	$(PIP) install "pip-tools>=7.4"
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --output-file requirements-dev.lock --constraint requirements.lock pyproject.toml
	$(COMPILE) --extra bench --output-file requirements-bench.lock --constraint requirements.lock pyproject.toml

clean: ## Remove what was built, installed and cached (never a data directory)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
