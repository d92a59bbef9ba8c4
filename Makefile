# `make test` and `make demo` set everything up by themselves; all that has to be there is Python 3.11+ and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Else whatever is started, and tests start many programs, would compile the package and the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help test check lint types coverage crash browser demo bench clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: $(VENV)/.dev ## Run every test
	$(BIN)/pytest -n auto

check: lint types coverage ## All that has to pass: linter, type checkers, tests, their coverage

lint: $(VENV)/.dev ## Check style and formatting with ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types with mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright --warnings

coverage: $(VENV)/.dev ## Run every test, and measure that they reach 95 % of all branches
	$(BIN)/pytest -n auto -m unmeasured
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto -m 'not unmeasured'
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

crash: $(VENV)/.dev ## Kill a campaign of 100,000 messages 200 times, and count what was lost or doubled (minutes)
	$(BIN)/python -m tests.crash $(OPTIONS)

browser: $(VENV)/.dev ## Install a Chromium, if there is none, for the tests of the sandbox's page
	@for name in chromium chromium-browser google-chrome; do command -v $$name && exit 0; done; \
	if command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
	  apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends chromium fonts-liberation; \
	else $(BIN)/playwright install --with-deps chromium; fi

demo: $(VENV)/.demo ## Send a campaign through the sandbox, kill it half-way, run it again, and report
	$(BIN)/python examples/demo.py

bench: $(VENV)/.bench ## Measure the SDK beside other clients (OPTIONS=--quick for less); writes benchmarks/results
	$(BIN)/python -m benchmarks $(OPTIONS)

clean: ## Remove the environment and every cache
	rm -rf $(VENV) .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist benchmarks/results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "smsbat_async needs Python 3.11 or newer; try: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --constraint constraints.txt --editable '.[cli,report]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/.demo

# niquests brings a fork of urllib3 that takes the place of urllib3, which requests is to be measured with, unless it
# is built with this variable set.
$(VENV)/.bench: pyproject.toml constraints.txt | $(BIN)/python
	URLLIB3_NO_OVERRIDE=1 $(PIP) install --constraint constraints.txt --no-binary urllib3-future --editable '.[bench]'
	@touch $@
