# Every target sets up what it needs: .venv, the locked dependencies, imgrec itself.
# Works with GNU make 3.81 (macOS) and newer.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that will do; `make PYTHON=/path/to/python3.12 ...` names another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
LOCK := $(BIN)/uv --quiet --no-config pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --constraint tools/constraints.txt --custom-compile-command "make lock"
UPGRADE ?=

READY := .venv/.ready
PICTURE := build/digit.png
# Test modules that compare whole outputs.
SNAPSHOTS = $(shell grep -rl --include='test_*.py' SnapshotAssertion tests)

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) ## train a small network on handwritten digits, evaluate it, predict a picture
	$(BIN)/imgrec train configs/small_cnn.yaml
	$(BIN)/imgrec evaluate
	@mkdir -p $(dir $(PICTURE))
	$(BIN)/python tools/digit.py $(PICTURE)
	$(BIN)/imgrec predict $(PICTURE)
	@echo
	@echo "The report, with curves and the confusion matrix: $$($(BIN)/imgrec runs path last)/report.html"
	@echo "Your own photos, one folder per class: $(BIN)/imgrec train my_photos/"

.PHONY: test
test: $(READY) ## run the tests (a quarter of an hour on two cores)
	$(PYTEST) --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: test-slow
test-slow: $(READY) ## run the tests that train at full size
	$(PYTEST) -m slow

.PHONY: snapshots
snapshots: $(READY) ## write the outputs that tests compare whole, from the code; then look at the diff
	$(PYTEST) -q --numprocesses auto --maxprocesses 4 --dist loadfile --snapshot-update $(SNAPSHOTS)

.PHONY: check
check: lint types ## run everything that reads the code: lint, types, layers, generated docs
	$(BIN)/lint-imports
	$(BIN)/python tools/docs.py --check

.PHONY: lint
lint: $(READY) ## look for mistakes and for code that `make format` would change
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(READY) ## mend what can be mended, and lay the code out
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: types
types: $(READY) ## check the types
	$(BIN)/mypy

.PHONY: docs
docs: $(READY) ## write docs/cli.md, docs/config.md and docs/config.schema.json from the code
	$(BIN)/python tools/docs.py

.PHONY: bench
bench: $(READY) ## measure speed on this machine, into docs/performance.md: 11 min (QUICK=1: print, 4 min)
	$(BIN)/python -m tools.bench $(if $(QUICK),--quick,--output docs/performance.md)

.PHONY: lock
lock: $(READY) ## write the lock files anew from pyproject.toml (UPGRADE=--upgrade: newest versions)
	$(LOCK) $(UPGRADE) pyproject.toml --output-file requirements.txt
	$(LOCK) $(UPGRADE) pyproject.toml --group dev --all-extras --constraint requirements.txt --output-file requirements-dev.txt
	$(LOCK) $(UPGRADE) --group predict --constraint requirements.txt --output-file requirements-predict.txt

.PHONY: clean
clean: ## remove .venv, caches and build output; runs/ stays
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find imgrec tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.locked: requirements-dev.txt
	@python="$(PYTHON)"; test -n "$$python" || { \
		echo "imgrec needs Python 3.11, 3.12 or 3.13 with venv (on Debian: python3-venv), and found none." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.13" >&2; exit 1; }; \
	$$python -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(f"imgrec needs Python 3.11, 3.12 or 3.13; {sys.executable} is %d.%d" % v)' \
		&& $$python -m venv .venv
	@echo "Installing the locked dependencies into .venv; the first time takes a few minutes."
	@$(PIP) install --quiet --require-hashes --requirement requirements-dev.txt
	@touch $@

$(READY): .venv/.locked pyproject.toml
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
