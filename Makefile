# Each target sets up what it needs in .venv; Python 3.11 or newer and make are all that a machine must have.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo play test test-all lint docs notebooks bench fuzz clean

demo: $(VENV)/.run
	$(BIN)/python -m circuits compare --out comparison.png

play: $(VENV)/.play
	$(BIN)/python -m circuits play

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-all: $(VENV)/.test
	JAX_DISABLE_MOST_OPTIMIZATIONS=0 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "" --hypothesis-profile=thorough

lint: $(VENV)/.test $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

# The site, in site/: every cell is run, unless it has not changed, and a warning is an error.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs site

# The pages that run, as notebooks of Jupyter, in notebooks/.
notebooks: $(VENV)/.docs
	$(BIN)/python docs/notebook_pages.py notebooks
	@cp docs/lecture/matplotlibrc notebooks

# Every script there prints a table; what they share is in benchmarks/common.
bench: $(VENV)/.run
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

fuzz: $(VENV)/.fuzz
	for format in .aag .aig .bench .blif .pla .v .th .c; do $(BIN)/python fuzz/readers.py $$format || exit 1; done

clean:
	rm -rf $(VENV) site notebooks docs/reference .jupyter_cache jupyter_execute

# One stamp an extra: the demo installs no test tools, and a second call installs nothing.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found; if there is one: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/.run

$(VENV)/.play: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[play]'
	@touch $@ $(VENV)/.run

$(VENV)/.lint: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lint]'
	@touch $@

$(VENV)/.docs: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@ $(VENV)/.run

$(VENV)/.fuzz: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@ $(VENV)/.run
