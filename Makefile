# Each target sets up what it needs: a virtual environment in .venv with dependencies at the versions of constraints.txt.
PYTHON ?= python3
# The torch to install. On a machine without GPU elsewhere, point TORCH_INDEX at an index of CPU builds to save several GB.
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PYTHONHASHSEED ?= 0

.PHONY: demo demo-full test test-slow check bench docs setup clean
demo: $(READY)
	$(BIN)/fact demo

demo-full: $(READY)
	$(BIN)/fact demo --full

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile

bench: $(READY)
	$(BIN)/python -m tests.bench

docs: $(READY)
	$(BIN)/python docs/make_reference.py

setup: $(READY)

$(READY): pyproject.toml constraints.txt Makefile
	@echo "Setting up $(VENV): torch (200 MB for CPU; several GB with CUDA, see TORCH_INDEX) and about 450 MB of other packages"
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "fact needs Python 3.11 to 3.13; set PYTHON=python3.x")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) "$(TORCH)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis
