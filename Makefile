# The two commands: `make demo` and `make test`. Both make the environment first if it is not there.
# Without PYTHON=...: python3, or another build of the same version if that is much faster (grader/interpreters.py).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.PHONY: demo test lint types imports template-check unit test-slow false-alarms fuzz soak mutants once walks clean install template docs schemas

demo: $(STAMP)
	$(BIN)/python -m tests.submissions.demo

test: lint types imports template-check unit

install: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"gradmark needs Python 3.11 or newer; {sys.executable} is {v[0]}.{v[1]}. Name another: make PYTHON=python3.12 ...")'
	@echo "Making the environment in $(VENV) (torch is large: this takes some minutes the first time)"
	$(if $(filter file,$(origin PYTHON)),"$$($(PYTHON) -I grader/interpreters.py)",$(PYTHON)) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

template: $(STAMP)
	$(BIN)/gradmark template
	$(BIN)/python -m tests.submissions.build tests/submissions/zips

# The documentation, in build/site; a broken link ends it.
docs: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# docs/schema, after a change to the records of results.
schemas: $(STAMP)
	$(BIN)/python -m handbook.schemas

template-check: $(STAMP)
	$(BIN)/gradmark template --check

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

# The documentation's walks in environments of their own, with what it says is to be installed: 6 GB of disk.
walks: $(STAMP)
	$(BIN)/python -m pytest -m slow tests/walks/test_empty_environment.py

false-alarms: $(STAMP)
	$(BIN)/python -m tests.mutants.false_alarms 200

# The tables in tests/mutants/tables; PARTS=gan for one part, PARTS=--new for new mistakes and checks alone.
mutants: $(STAMP)
	$(BIN)/python -m tests.mutants.table $(PARTS)

# tests/mutants/ONCE.md: what each mistake costs beside its own function.
once: $(STAMP)
	$(BIN)/python -m tests.mutants.once

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz.wire 1000000

soak: $(STAMP)
	$(BIN)/python -m benchmarks.soak 500

unit: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m 'not slow'

clean:
	rm -rf $(VENV) build dist demo-report .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
