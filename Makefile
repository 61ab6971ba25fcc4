.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
SECONDS ?= 1800

.PHONY: help setup demo test check lint format golden bench faults cover pins clean

help: ## What can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.done: pyproject.toml requirements/dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) not found; install Python 3.11 or say make PYTHON=python3" >&2; exit 1; }
	@echo "setting up .venv; this takes a minute or two, once" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --disable-pip-version-check -q install -r requirements/dev.txt
	@$(BIN)/python -m pip --disable-pip-version-check -q install --no-deps -e .
	@touch $@

setup: .venv/.done ## Makes .venv with the package, the sandbox and all tools

demo: setup ## Plan, apply, drift, heal and verify the guide's example against the sandbox
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/demo.py

test: setup ## All tests
	@$(BIN)/python -m pytest -n auto -rs

check: lint cover ## Format, lint, types, import contracts, tests with coverage, docs

lint: setup ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache

format: setup ## Formats the code
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

# Where two threads install coverage's trace function at once, Python 3.11 refuses one: not the tests' fault.
cover: setup ## All tests, with coverage and its floors
	@$(BIN)/python -m pytest -n auto -rs -W ignore::pytest.PytestUnraisableExceptionWarning --cov --cov-report=
	@$(BIN)/python tools/coverage_floors.py

faults: setup ## Deaths and faults at every point, then random lives for SECONDS (half an hour)
	@FIGURES=1 EVERY_POINT=1 FAULT_SECONDS=$(SECONDS) $(BIN)/python -m pytest --durations=0 --durations-min=60 \
	  tests/faults/test_crash_points.py tests/faults/test_crash_points_elsewhere.py \
	  tests/faults/test_fault_together.py tests/property/test_fault_machine.py

golden: setup ## Writes the golden files anew; read the diff
	@$(BIN)/python -m pytest tests/golden --golden-write

bench: setup ## Measures start-up, plan, apply and memory beside their floors
	@$(BIN)/python tools/bench.py

pins: setup ## Writes what is installed now into requirements/dev.txt
	@$(BIN)/python -m pip --disable-pip-version-check freeze --all --exclude pip --exclude-editable > requirements/dev.txt

clean: ## Removes all that was made here, but for states
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
