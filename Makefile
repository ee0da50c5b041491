# Everything a contributor runs. `make demo` and `make test` need Python 3.11 or newer and make, and set up the rest.

PYTHON ?= python3
VENV ?= .venv
# As many as there are processors, four at most: each holds a tenant or two.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); [ "$$n" -gt 4 ] && echo 4 || echo "$$n")
PYTEST_ARGS ?=

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test check format-check lint types docs docs-check format bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## audit the embedded demo tenant and write its reports
	$(BIN)/python -m auditor demo

test: $(VENV)/.dev ## run all tests
	$(BIN)/python -m pytest -q -n $(WORKERS) $(PYTEST_ARGS)

check: format-check lint types docs-check test ## everything that must hold before a commit

format-check: $(VENV)/.dev ## is the code formatted?
	$(BIN)/python -m ruff format --check --quiet .

lint: $(VENV)/.dev ## ruff's rules
	$(BIN)/python -m ruff check --quiet .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/python -m mypy

docs: $(VENV)/.dev ## write the generated pages of docs/
	$(BIN)/python docs/generate.py

docs-check: $(VENV)/.dev ## are the generated pages current?
	$(BIN)/python docs/generate.py --check

format: $(VENV)/.dev ## format the code and mend what ruff can mend
	$(BIN)/python -m ruff format --quiet .
	$(BIN)/python -m ruff check --fix --quiet .

bench: $(VENV)/.dev ## benchmarks that print one ratio each
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/catalog.py
	$(BIN)/python benchmarks/xlsx.py

clean: ## remove the environment, caches and the reports of demos
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis audit-Contoso-*

# The stamps say which installation the environment has; a change of the requirements makes them anew.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit("Graph Auditor needs Python 3.11 or newer; set PYTHON=..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing into $(VENV); the first time takes about a minute."
	$(PIP) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) with the development tools; the first time takes about a minute."
	$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.runtime
