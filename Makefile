# Two commands need nothing typed before them: make demo, make test.
# On a fresh Debian: python3 (3.11 or later) with venv, make and git.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-lock
# Tests in two processes; a module's tests stay together, for they share what the module makes once.
AT_ONCE ?= 2
PYTEST := $(BIN)/python -m pytest -n $(AT_ONCE) --dist loadscope --no-loadscope-reorder
# The folder of real pictures, for the tests marked realdata; without it they skip.
export SMEARWATCH_REAL_DATA ?= $(wildcard ../shared/data)

.PHONY: help demo test test-long check bench bench-seeing dev lock wheel clean

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

dev: $(STAMP) ## the environment in .venv, with .venv/bin/smearwatch

$(STAMP): requirements.txt requirements-headless.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("smearwatch needs Python 3.11 or later: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@# A machine without a desktop has no libGL: then OpenCV's build without windows takes its place, same version.
	@$(BIN)/python -c 'import cv2' 2>/dev/null || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-headless.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

wheel: dev ## sdist to wheel, installed in an empty environment, every subpackage imported
	$(BIN)/python -m tests.packaging

lock: dev ## make the hash-locked requirements anew (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" -o requirements.txt
	grep -oE '^opencv-python==[0-9.]+' requirements.txt | sed 's/opencv-python/opencv-python-headless/' | \
		uv pip compile - --universal --python-version 3.11 --no-deps --generate-hashes --no-annotate \
		--custom-compile-command "make lock" -o requirements-headless.txt

clean: ## remove what was made
	rm -rf $(VENV) build dist bench-out .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
