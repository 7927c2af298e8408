# Every target sets up what it needs: .venv, the locked dependencies, imgrec itself.
# Works with GNU make 3.81 (macOS) and newer.

.DEFAULT_GOAL := help
SHELL := /bin/sh
# Tests and measurements start many processes, which would each compile the modules again.
unexport PYTHONDONTWRITEBYTECODE

# The first suitable Python; `make PYTHON=/path/to/python3.12 ...` uses another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	2>/dev/null && echo $$python && break; done)
# The environment: `make VENV=build/python3.13 PYTHON=python3.13 test-fast` leaves .venv alone.
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# More options for pytest, as in `make test PYTEST_OPTIONS=--strict-skips`.
PYTEST_OPTIONS ?=
PYTEST := $(BIN)/python -m pytest $(PYTEST_OPTIONS)
LOCK := $(BIN)/uv --quiet --no-config pip compile --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --constraint tools/constraints.txt --custom-compile-command "make lock"
UPGRADE ?=
FUZZ_MINUTES ?= 5
FUZZ_SEED ?= 0

READY := $(VENV)/.ready
RELEASE_TOOLS := build/release-tools
PICTURE := build/digit.png
# Two photos that come with scikit-learn.
PHOTOS = $(addprefix $(wildcard $(VENV)/lib/python3*/site-packages)/sklearn/datasets/images/,china.jpg flower.jpg)
# The oldest Pillow and the newest of each later version that pyproject.toml allows.
PILLOWS := 11.3 12 13
DECODING := $(addprefix tests/data/test_,pixel_table.py resizing.py images.py formats.py modes.py fit.py turn.py)
# Libraries with which tests ask the service, each in an environment of its own.
CLIENTS := google-cloud-vision huggingface-hub kserve requests schemathesis tritonclient[http]
# Services that `make bench` compares `imgrec serve` with.
PEERS := bentoml fastapi litserve
# Test modules that compare whole outputs.
SNAPSHOTS = $(shell grep -rl --include='test_*.py' SnapshotAssertion tests)

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) ## train on handwritten digits, evaluate, and classify an image and two photos
	$(BIN)/imgrec train configs/small_cnn.yaml
	$(BIN)/imgrec evaluate
	@mkdir -p $(dir $(PICTURE))
	$(BIN)/python tools/digit.py $(PICTURE)
	$(BIN)/imgrec predict $(PICTURE)
	$(BIN)/imgrec predict --pretrained EfficientNetLite0 $(PHOTOS)
	@echo
	@echo "Report with plots: $$($(BIN)/imgrec runs path last)/report.html"
	@echo "To train on your own photos, one folder per class: $(BIN)/imgrec train my_photos/"

.PHONY: test
test: $(READY) ## run the tests (8 minutes on two cores)
	$(PYTEST) --numprocesses auto --maxprocesses 4 --dist worksteal

.PHONY: test-fast
test-fast: $(READY) ## run the tests that need neither TensorFlow nor many seconds (a minute)
	$(PYTEST) --numprocesses auto --maxprocesses 4 --dist worksteal -m "not slow and not tensorflow and not long" \
		--hypothesis-profile fast

.PHONY: test-slow
test-slow: $(READY) ## run the tests that train at full size
	$(PYTEST) -m slow

.PHONY: fuzz
fuzz: $(READY) ## give changed files of every kind to imgrec (FUZZ_MINUTES=5, FUZZ_SEED=0)
	$(BIN)/python -m tools.fuzz --minutes $(FUZZ_MINUTES) --seed $(FUZZ_SEED)

.PHONY: test-pillow
test-pillow: $(READY) ## run the tests of decoding under every supported Pillow (a minute)
	@for pillow in $(PILLOWS); do \
		$(BIN)/uv --quiet --no-config pip install --python $(BIN)/python --no-deps --upgrade \
			--target build/pillow-$$pillow "pillow==$$pillow.*" || exit 1; \
		( export PYTHONPATH="build/pillow-$$pillow$${PYTHONPATH:+:$$PYTHONPATH}"; \
		$(BIN)/python -c 'import PIL; print("Pillow", PIL.__version__)' && \
		$(PYTEST) --quiet --numprocesses auto --maxprocesses 4 --dist worksteal $(DECODING) ) || exit 1; \
	done

.PHONY: pixel-table
pixel-table: $(READY) ## write the SHA-256 of decoded pixels that the tests expect; look at the diff afterwards
	$(BIN)/python -m tools.pixel_table

.PHONY: test-light
test-light: $(READY) ## install each of the light sets of requirements alone, and use it
	$(PYTEST) -m slow tests/packaging/test_predict_only.py tests/packaging/test_serve_only.py

.PHONY: snapshots
snapshots: $(READY) ## update the expected outputs of tests; look at the diff afterwards
	$(PYTEST) -q --numprocesses auto --maxprocesses 4 --dist loadfile --snapshot-update $(SNAPSHOTS)

.PHONY: check
check: lint types ## check the code: lint, types, layers, generated docs
	$(BIN)/lint-imports
	$(BIN)/python tools/docs.py --check

.PHONY: lint
lint: $(READY) ## lint the code and check its format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: $(READY) ## fix what can be fixed automatically, and format the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: types
types: $(READY) ## check the types
	$(BIN)/mypy

.PHONY: docs
docs: $(READY) ## generate the reference pages of docs/ from the code
	$(BIN)/python tools/docs.py

.PHONY: pictures
pictures: $(READY) ## draw the pictures of README, docs/teach.md and docs/tutorials.md (needs Chromium; minutes)
	$(BIN)/python -m tools.pictures

.PHONY: bench
bench: $(READY) ## measure speed and write docs/performance.md: 20 min (QUICK=1: only print, 4 min)
	$(BIN)/python -m tools.bench $(if $(QUICK),--quick,--output docs/performance.md)

.PHONY: peers
peers: $(READY) ## install the services that `make bench` compares with, below build/peers
	@for peer in $(PEERS); do \
		$(BIN)/uv --quiet --no-config venv --allow-existing --python $(BIN)/python build/peers/$$peer && \
		$(BIN)/uv --quiet --no-config pip install --python build/peers/$$peer/bin/python \
			--require-hashes --requirement tools/bench/peers/requirements-$$peer.txt || exit 1; \
	done

.PHONY: lock
lock: $(READY) ## write the lock files from pyproject.toml (UPGRADE=--upgrade: newest versions)
	$(LOCK) $(UPGRADE) pyproject.toml --output-file requirements.txt
	$(LOCK) $(UPGRADE) pyproject.toml --group dev --all-extras --constraint requirements.txt --output-file requirements-dev.txt
	$(LOCK) $(UPGRADE) --group predict --constraint requirements.txt --output-file requirements-predict.txt
	$(LOCK) $(UPGRADE) --group serve --constraint requirements-dev.txt --output-file requirements-serve.txt
	$(LOCK) $(UPGRADE) --group release --output-file requirements-release.txt
	echo mlflow | $(LOCK) $(UPGRADE) --no-annotate --group predict - --output-file tests/tracking/requirements-mlflow.txt
	@for client in $(CLIENTS); do \
		echo "$$client" | $(LOCK) $(UPGRADE) --no-annotate - --output-file "tests/serve/clients/requirements-$${client%[*}.txt" || exit 1; \
	done
	@for peer in $(PEERS); do \
		$(LOCK) $(UPGRADE) --no-annotate --constraint requirements-dev.txt tools/bench/peers/$$peer.in \
			--output-file tools/bench/peers/requirements-$$peer.txt || exit 1; \
	done

.PHONY: audit
audit: $(RELEASE_TOOLS)/.ready ## look up known vulnerabilities of every locked dependency
	@$(BIN)/python tools/audit.py $(RELEASE_TOOLS)/bin/pip-audit requirements*.txt

.PHONY: sbom
sbom: $(RELEASE_TOOLS)/.ready ## write build/sbom.json: what is in requirements.txt, in CycloneDX
	$(RELEASE_TOOLS)/bin/python -W ignore -m cyclonedx_py requirements requirements.txt \
		--pyproject pyproject.toml --output-reproducible --output-file build/sbom.json

.PHONY: clean
clean: ## remove .venv, caches and build output, but not runs/
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find imgrec tests tools experiments -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.locked: requirements-dev.txt
	@python="$(PYTHON)"; test -n "$$python" || { \
		echo "imgrec needs Python 3.11, 3.12 or 3.13 with venv (on Debian: python3-venv); none was found." >&2; \
		echo "Install one, or say where it is: make PYTHON=/path/to/python3.13" >&2; exit 1; }; \
	$$python -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit(f"imgrec needs Python 3.11, 3.12 or 3.13; {sys.executable} is %d.%d" % v)' \
		&& $$python -m venv $(VENV)
	@echo "Installing the locked dependencies into $(VENV); the first time takes a few minutes."
	@$(PIP) install --quiet --require-hashes --requirement requirements-dev.txt
	@touch $@

$(RELEASE_TOOLS)/.ready: $(READY) requirements-release.txt
	@$(BIN)/python -m venv --clear $(RELEASE_TOOLS)
	@$(RELEASE_TOOLS)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --requirement requirements-release.txt
	@touch $@

$(READY): $(VENV)/.locked pyproject.toml
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
