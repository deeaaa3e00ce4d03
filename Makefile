# make demo | test | check | bench: each does its own set-up.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.built
SOURCES := $(shell find ext grpc/proto -name '*.pyx' -o -name '*.pxd' -o -name '*.proto') setup.py pyproject.toml

.PHONY: setup demo test check bench campaign clean

setup: $(STAMP)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(STAMP): $(VENV)/bin/python $(SOURCES)
	flock $(VENV)/.lock $(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $(STAMP)
