# make demo   install copt into .venv, solve ft10 to proven optimality, draw its Gantt chart
# make test   install everything, then lint, types and the whole test suite

# Python 3.11 is what constraints.txt was tested with; any newer one will do
PYTHON ?= $(firstword $(foreach name,python3.11 python3 python3.12 python3.13, \
	$(shell $(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable

.PHONY: demo test lint clean

demo: .venv/installed-core
	$(BIN)/copt doctor --warm
	$(BIN)/copt solve ft10 --seconds 60 --plot ft10.png
	@echo "Gantt chart: ft10.png"

# kernels compile while the extras are installed, and style and types are checked
test: .venv/installed-core
	$(BIN)/copt doctor --warm & warming=$$!; $(MAKE) .venv/installed-all && $(MAKE) lint && wait $$warming
	$(BIN)/python -m pytest -n logical --dist loadfile

lint: .venv/installed-all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "copt needs Python 3.11 or newer; try: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed-core: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) .
	@touch $@

.venv/installed-all: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) '.[train,bench,dev]'
	@touch $@ .venv/installed-core
