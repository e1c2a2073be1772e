# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test quick lint setup docs same clean

demo: $(VENV)/.demo            ## train, judge, index, search and report on the emoji that ship with the package
	$(BIN)/jointspace demo

test: $(VENV)/.dev             ## the whole suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

quick: $(VENV)/.dev lint       ## lint and the tests that take under a second each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

lint: $(VENV)/.dev             ## ruff check, ruff format --check, mypy on src/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

setup: $(VENV)/.dev            ## only make .venv, with all that development needs

docs: $(VENV)/.dev             ## the site, into site/
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build --strict

same: $(VENV)/.dev             ## the debug recipe on the last commit and on the working tree: first step that differs
	$(BIN)/python scripts/same.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch first and alone: a plain resolve could choose a build with gigabytes of accelerator libraries
$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) torch
	$(PIP) -e ".[weights]"
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) torch
	$(PIP) -e ".[dev]"
	touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) site demo build dist
