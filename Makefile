# One command each. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test check format docs bench simulate clean

help:  ## list these commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

demo: $(VENV)/.demo  ## send, open, expire and rescue packets on the simulator, then close the books
	@$(BIN)/hongbao demo

test: $(VENV)/.dev  ## run all tests
	@$(BIN)/pytest

check: $(VENV)/.bench  ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

format: $(VENV)/.dev  ## put the code into its form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(VENV)/.dev  ## write the generated reference pages anew
	@$(BIN)/python docs/generate.py

bench: $(VENV)/.bench  ## measure against other libraries and against a bare server
	@$(BIN)/python bench/run.py

simulate: $(VENV)/.dev  ## play worlds of faults against the engine: SEED=7 one again, RUNS=500 many
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--runs $(or $(RUNS),100))

clean:  ## remove what these commands made
	@rm -rf $(VENV) build dist .pytest_cache .hypothesis .ruff_cache .import_linter_cache

# The pins in constraints.txt keep today's run the same tomorrow; the ranges that users get stand in pyproject.toml.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo 'hongbao needs Python 3.11 or newer; say which: make PYTHON=/path/to/python3.11'; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/.python
	@$(PIP) --constraint constraints.txt --editable '.[simulator,cli]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.python
	@$(PIP) --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(VENV)/.bench: pyproject.toml constraints.txt | $(VENV)/.python
	@$(PIP) --constraint constraints.txt --editable '.[bench,dev]'
	@touch $@
