# `make` prints what there is to make. Everything a target needs, it installs first.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST_ARGS ?=
# Browsers and whole servers have the machine to themselves; the other tests run side by side.
TEST_PROCESSES ?= 3

# A real CT for the demo may lie beside the project; MARGIN_SAMPLE_CT names another folder.
# Every other MARGIN_ variable (docs/settings.md) reaches the program the same way.

.DEFAULT_GOAL := menu
.NOTPARALLEL:
.PHONY: menu install up demo test e2e lint format bench lock clean packages test-packages

menu: ## Print this menu
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

install: packages .venv/installed build/viewer-installed ## Install what running needs: packages, .venv, the viewer

up: install ## Run the server here until Ctrl-C (everything it keeps is in var/)
	@exec $(BIN)/margin up

demo: install ## The same with a small demo world; prints where to sign in and the links
	@exec $(BIN)/margin demo

test: install test-packages .venv/installed-for-tests ## Install what the tests need (Chromium, PostgreSQL too) and run all of them
	$(BIN)/pytest -m "not e2e" --numprocesses=$(TEST_PROCESSES) --dist=loadfile $(PYTEST_ARGS)
	$(BIN)/pytest -m e2e $(PYTEST_ARGS)

e2e: install test-packages .venv/installed-for-tests ## Only the tests in a real browser
	$(BIN)/pytest tests/e2e $(PYTEST_ARGS)

lint: packages .venv/installed-for-tests ## Style, types, the house's layers, the viewer's own tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	node --test viewer_config/tests/

format: .venv/installed-for-tests ## Rewrite the Python files in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install test-packages .venv/installed-for-tests ## Measure, print tables, write bench/results/*.json
	$(BIN)/python -m bench

lock: .venv/installed-for-tests ## Choose the newest allowed dependencies and write both lock files
	$(BIN)/pip-compile --quiet --upgrade $(LOCK_OPTIONS) --all-extras --output-file=requirements.lock pyproject.toml
	$(BIN)/pip-compile --quiet $(LOCK_OPTIONS) --build-deps-for=editable --constraint=requirements.lock --output-file=deploy/requirements.lock pyproject.toml

LOCK_OPTIONS := --allow-unsafe --generate-hashes --no-emit-find-links --no-emit-index-url --strip-extras

clean: ## Remove what was built and cached; var/ (the server's home) stays
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find server tests bench viewer_config -name __pycache__ -type d -prune -exec rm -rf {} +

packages:
	@PYTHON="$(PYTHON)" install/system-packages run

test-packages:
	@PYTHON="$(PYTHON)" install/system-packages test

# The environment is made anew when its Python is gone, and only then.
.venv/installed: deploy/requirements.lock pyproject.toml
	@$(BIN)/python -c "" 2>/dev/null || $(PYTHON) -m venv --clear .venv
	$(PIP) install --quiet --require-hashes --requirement deploy/requirements.lock
	$(PIP) install --quiet --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/installed-for-tests: requirements.lock .venv/installed
	$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@touch $@

build/viewer-installed: $(shell find viewer_config -type f -not -path '*/node_modules/*' -not -path '*/__pycache__/*')
	$(PYTHON) viewer_config/install.py --into build/viewer
	@touch $@
