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
FUZZ_VENV := .venv-fuzz
AUDIT_VENV := .venv-audit
PEERS_VENV := .venv-peers
CLUSTER_VENV := .venv-cluster
ENGINES_VENV := .venv-engines

# Tests in two processes for two cores: while one waits for a picture or for silence, two compute. A module's tests
# stay together, for they share what the module makes once.
AT_ONCE ?= 2
PYTEST := $(BIN)/python -m pytest -n $(AT_ONCE) --dist loadscope --no-loadscope-reorder
# The folder of real pictures, for the tests marked realdata; without it they skip.
export SMEARWATCH_REAL_DATA ?= $(wildcard ../shared/data)

# An environment that holds what a lock adds to .venv, and takes the rest from there: its folder, what it is for, the lock.
define beside
	@echo "Installing $(2) into $(1) (once; this downloads)."
	@$(PYTHON) -m venv $(1)
	@$(BIN)/python -c 'import site; print(f"import site; site.addsitedir({site.getsitepackages()[0]!r})")' > \
		"$$($(1)/bin/python -c 'import site; print(site.getsitepackages()[0])')/beside.pth"
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(3)
	@touch $@
endef

.PHONY: help demo test coverage test-long test-systemd test-engines torture soak fuzz audit check bench bench-seeing performance docs dev lock wheel clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1 /' | \
		while read -r name what; do printf '  make %-14s%s\n' "$$name" "$$what"; done

demo: dev ## count a simulated slide live; ends by itself
	$(BIN)/smearwatch demo

test: dev ## checks, the package, and all tests but the long ones
	@# Beside each other, each one's output whole.
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target check wheel
	$(PYTEST)

coverage: dev ## the tests again, and how much of each room they run
	$(PYTEST) --cov --cov-report=
	$(BIN)/python -m tests.coverage_by_room

# In an environment with Ray, for the test of a cluster of two nodes.
test-long: dev $(CLUSTER_VENV)/.made-from-lock ## the tests that take long; writes docs/test-long.md
	$(CLUSTER_VENV)/bin/python -m tests.long

test-systemd: dev ## the service in a Debian of its own (as root, with debootstrap)
	$(BIN)/python -m pytest -m systemd -n 0 -rs --durations=0 tests/boot

test-engines: dev $(ENGINES_VENV)/.made-from-lock ## the engines that come as extras, OpenVINO and ONNX Runtime
	$(ENGINES_VENV)/bin/python -m pytest -n 0 -rs tests/unit/test_engine_choice.py tests/unit/test_engine_extras.py

# The extras alone; all else comes from .venv, so that the other tests run without them.
$(ENGINES_VENV)/.made-from-lock: requirements-engines.txt $(STAMP)
	$(call beside,$(ENGINES_VENV),OpenVINO and ONNX Runtime,$<)

fuzz: dev $(FUZZ_VENV)/.made-from-lock ## try to trip what reads files and messages (MINUTES=10)
	$(FUZZ_VENV)/bin/python -m tests.fuzz $(or $(MINUTES),10)

# The fuzzer alone; all else comes from .venv, so that the tests need no fuzzer.
$(FUZZ_VENV)/.made-from-lock: requirements-fuzz.txt $(STAMP)
	$(call beside,$(FUZZ_VENV),the fuzzer,$<)

audit: dev $(AUDIT_VENV)/.made-from-lock ## known vulnerabilities and licences of what is locked
	$(BIN)/python -m tests.audit $(AUDIT_VENV)/bin/pip-audit

$(AUDIT_VENV)/.made-from-lock: requirements-audit.txt
	@echo "Installing what asks for vulnerabilities into $(AUDIT_VENV) (once; this downloads)."
	@$(PYTHON) -m venv $(AUDIT_VENV)
	@$(AUDIT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt
	@touch $@

# Two cores need some two hours; strace, and root for the disks.
torture: dev ## kill a count again and again; writes docs/reliability.md
	$(BIN)/python -m tests.torture --out docs/reliability/torture.json
	$(BIN)/python -m tests.torture.cuts --out docs/reliability/power.json
	$(BIN)/python -m tests.torture.orders --out docs/reliability/orders.json
	$(BIN)/python -m tests.torture.backpressure --out docs/reliability/backpressure.json
	$(BIN)/python -m tests.torture.troubles --out docs/reliability/troubles.json
	$(BIN)/python -m docs.building.reliability

soak: dev ## a long run at a steady rate: what grows? (MINUTES=60)
	$(BIN)/python -m tests.torture.soak --minutes $(or $(MINUTES),60) --out docs/reliability/soak.json
	$(BIN)/python -m docs.building.reliability

check: dev ## style, types, import contracts, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry --no-ansi .

bench: dev ## measure speed; tables here, JSON in bench-out/
	$(BIN)/python -m tests.bench

bench-seeing: dev ## measure how well fields are seen, and the cost
	$(BIN)/python -m tests.bench.seeing

# Two cores need some half an hour, longer beside other work (SHARE=0.3 of the rounds then).
performance: dev $(PEERS_VENV)/.made-from-lock ## speed beside floors and peers; writes docs/performance.md
	$(PEERS_VENV)/bin/python -m tests.bench.performance --share $(or $(SHARE),1) --out docs/performance
	$(BIN)/python -m docs.building.performance

# The peers alone; what .venv has already, they take from there, so that both run on the same libraries.
$(PEERS_VENV)/.made-from-lock: requirements-peers.txt $(STAMP)
	$(call beside,$(PEERS_VENV),what smearwatch is measured against,$<)

# Ray alone, and what it needs that .venv has not: the extra cluster.
$(CLUSTER_VENV)/.made-from-lock: requirements-cluster.txt $(STAMP)
	$(call beside,$(CLUSTER_VENV),Ray,$<)

docs: dev $(DOCS_STAMP) ## the documentation as a site in site/
	@echo "Building the site; a link that leads nowhere would stop it. This takes a while."
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs --quiet build --clean
	@echo "The documentation is in site/index.html: open it in a browser. It needs no network."

# An environment of its own, so that the tests need none of it. A broken link ends `make docs`.
$(DOCS_STAMP): requirements-docs.txt
	@echo "Installing what builds the site into $(DOCS_VENV) (once; this downloads)."
	@$(PYTHON) -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.txt
	@touch $@

dev: $(STAMP) ## set up .venv, with .venv/bin/smearwatch

$(STAMP): requirements.txt requirements-headless.txt pyproject.toml
	@$(PYTHON) make_environment.py $(VENV)
	@touch $@

wheel: dev ## build the package in dist/ and try it where nothing else is
	$(BIN)/python -m tests.packaging

lock: dev ## make the hash-locked requirements anew (needs uv)
	@# The extra pdf goes with it, or nothing would test it. No address of a registry comes in: the hashes say what is meant.
	uv pip compile pyproject.toml --group dev --extra pdf --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" -o requirements.txt
	grep -oE '^opencv-python==[0-9.]+' requirements.txt | sed 's/opencv-python/opencv-python-headless/' | \
		uv pip compile - --universal --python-version 3.11 --no-deps --generate-hashes --no-annotate \
		--custom-compile-command "make lock" -o requirements-headless.txt
	for group in docs fuzz audit; do \
		uv pip compile --group $$group --universal --python-version 3.11 --generate-hashes --no-annotate \
			--custom-compile-command "make lock" -o requirements-$$group.txt; \
	done
	for group in peers engines; do \
		uv pip compile --group $$group -c requirements.txt --universal --python-version 3.11 --generate-hashes --no-annotate \
			--custom-compile-command "make lock" -o requirements-$$group.txt; \
	done
	$(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["cluster"], sep="\n")' | \
		uv pip compile - -c requirements.txt --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" -o requirements-cluster.txt

clean: ## remove what was made
	rm -rf $(VENV) $(DOCS_VENV) $(FUZZ_VENV) $(AUDIT_VENV) $(PEERS_VENV) $(ENGINES_VENV) $(CLUSTER_VENV) .fuzz site build dist bench-out .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
