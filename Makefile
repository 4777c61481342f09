# Two commands need nothing typed before them: make demo, make test.
# On a fresh Debian: python3 (3.11 or later) with venv, make and git.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-lock
DOCS_VENV := .venv-docs
DOCS_STAMP := $(DOCS_VENV)/.made-from-lock
# Tests in two processes; a module's tests stay together, for they share what the module makes once.
AT_ONCE ?= 2
PYTEST := $(BIN)/python -m pytest -n $(AT_ONCE) --dist loadscope --no-loadscope-reorder
# The folder of real pictures, for the tests marked realdata; without it they skip.
export SMEARWATCH_REAL_DATA ?= $(wildcard ../shared/data)

.PHONY: help demo test test-long check bench bench-seeing docs dev lock wheel clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: dev ## the whole pipeline on a simulated slide; ends by itself
	$(BIN)/smearwatch demo

test: dev ## everything but what takes long: checks, the wheel in an empty environment, tests with coverage
	@# Beside each other, each one's output whole.
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target check wheel
	$(PYTEST) --cov --cov-report=
	$(BIN)/python -m tests.coverage_by_room

test-long: dev ## what takes long, the wheel by way of pip among it; writes docs/test-long.md
	$(BIN)/python -m tests.long

check: dev ## style, types, import contracts, declared dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry --no-ansi .

bench: dev ## measure; prints tables and writes JSON under bench-out/
	$(BIN)/python -m tests.bench

bench-seeing: dev ## how well fields are seen (scale, search, gate), and the cost; real pictures where they are
	$(BIN)/python -m tests.bench.seeing

docs: dev $(DOCS_STAMP) ## the documentation as a site in site/, to be opened without a network; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs --quiet build --clean
	@echo "open site/index.html"

# An environment of its own, so that the tests need none of it.
$(DOCS_STAMP): requirements-docs.txt
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.txt
	touch $@

dev: $(STAMP) ## the environment in .venv, with .venv/bin/smearwatch

$(STAMP): requirements.txt requirements-headless.txt pyproject.toml
	@$(PYTHON) make_environment.py $(VENV)
	@touch $@

wheel: dev ## sdist to wheel, installed in an empty environment, every subpackage imported
	$(BIN)/python -m tests.packaging

lock: dev ## make the hash-locked requirements anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" -o requirements.txt
	grep -oE '^opencv-python==[0-9.]+' requirements.txt | sed 's/opencv-python/opencv-python-headless/' | \
		uv pip compile - --universal --python-version 3.11 --no-deps --generate-hashes --no-annotate \
		--custom-compile-command "make lock" -o requirements-headless.txt
	uv pip compile --group docs --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" -o requirements-docs.txt

clean: ## remove what was made
	rm -rf $(VENV) $(DOCS_VENV) site build dist bench-out .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
