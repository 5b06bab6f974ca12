# `make run` starts sodan, `make test` runs the tests. Both create their environment in .venv; they need only python3.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: run test test-long test-soak check setup lock bench demo lint types imports audit sbom clean

run: $(VENV)/.run            ## run sodan: SMTP and HTTP, with an SQLite database
	@$(BIN)/sodan serve

setup: $(VENV)/.run          ## create the environment

# the tests start many processes, which share the compiled files
test test-long test-soak: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/.dev           ## run the tests, on SQLite and on a real PostgreSQL
	@$(BIN)/python -m pytest -n auto

test-long: $(VENV)/.dev      ## run tests that kill processes, fill disks and stop servers
	@$(BIN)/python -m pytest -n auto -m "long and not soak"

test-soak: $(VENV)/.dev      ## run tests that take an hour or more
	@$(BIN)/python -m pytest -n 0 -m "soak or hypothesis" --hypothesis-profile soak --timeout 7200

check: lint types imports audit test test-long  ## run the same checks as CI

lint: $(VENV)/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/sodan rules test && $(BIN)/sodan rules lint

types: $(VENV)/.dev
	@$(BIN)/mypy

imports: $(VENV)/.dev
	@$(BIN)/lint-imports

audit: $(VENV)/.dev          ## list known vulnerabilities of the libraries; without Internet: AUDIT_OFFLINE=yes
	@$(BIN)/python deploy/audit.py

sbom: $(VENV)/.dev           ## write the list of components: var/sbom.cdx.json (CycloneDX)
	@mkdir -p var
	@$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --no-validate -o var/sbom.cdx.json

demo: $(VENV)/.run           ## send the sample mails to a running service and print the cases
	@$(BIN)/python -m bench.demo

bench: $(VENV)/.dev          ## run the benchmarks
	@$(BIN)/python -m bench

lock: $(VENV)/.dev           ## update both lock files from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml --group build -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-header --python-version 3.11 pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Setting up $(VENV) (once) …" >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
