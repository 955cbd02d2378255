# Each target does all its own set-up: it needs Python 3.11 or later with pip, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test bench lint clean help

help:
	@echo "make demo    search, evaluate and export on the digits data (about 3 minutes, installation aside)"
	@echo "make test    linter, type checker and tests"
	@echo "make bench   strategies against published figures, 200 kills, speed and quality of a search (100 minutes)"
	@echo "make clean   removes the virtual environment and the caches; runs/ stays"

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,images]'
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/nas search configs/digits.yaml
	$(BIN)/nas evaluate
	$(BIN)/nas export --format onnx

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto -m "not bench"

bench: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m bench -s tests
	cd tests && ../$(BIN)/python -m bench.table

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find nas_cli tests -name __pycache__ -type d -prune -exec rm -rf {} +
