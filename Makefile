# make demo | test | check | bench | campaign | debug | mutants: each does its own set-up.
# Needed beforehand: Python 3.11 or newer with venv and headers, a C compiler, make.
VENV ?= .venv
PYTHON ?= python3
SHORT ?=
TAPS ?=
BIN := $(VENV)/bin
STAMP := $(VENV)/.built
SOURCES := setup.py pyproject.toml $(shell find ext core grpc sample cli \
	-name '*.pyx' -o -name '*.pxd' -o -name '*.proto' -o -name __init__.py)
STUBS = $(patsubst %.pyx,onecard.%,$(subst /,.,$(wildcard ext/*/*.pyx)))
DEBUG := build/debug
WORKERS := -n auto --maxprocesses 4 --dist worksteal # one a core: in a row the tests take eighteen minutes
MUTANTS := build/mutants
ONLY ?=
TREE := Makefile README.md CHANGELOG.md CONTRIBUTING.md MANIFEST.in pyproject.toml setup.py .ci \
	.pre-commit-config.yaml \
	bench cli core deploy docs ext grpc sample tests

.DELETE_ON_ERROR:
.PHONY: setup needs demo test check lint bench campaign debug mutants clean \
	lint-style lint-format lint-types lint-bench lint-stubs lint-folders

setup: $(STAMP)

demo: setup
	$(BIN)/onecard demo $(if $(TAPS),--taps $(TAPS))

test: setup
	$(BIN)/python -m pytest -q $(WORKERS)

check: setup lint
	$(BIN)/python -m pytest -q --durations=15 $(WORKERS)

# Cheapest first; each is a hook of .pre-commit-config.yaml too, which adds the folder rules (here a test).
lint: lint-style lint-format lint-types lint-bench lint-stubs

lint-style: setup
	$(BIN)/ruff check .

lint-format: setup
	$(BIN)/ruff format --check .

lint-types: setup
	$(BIN)/mypy

lint-bench: setup
	MYPYPATH=build/tree:. $(BIN)/mypy --explicit-package-bases -p bench

lint-stubs: setup
	MYPYPATH=build/tree $(BIN)/python -m mypy.stubtest --allowlist tests/stubtest.allow \
		$(STUBS)

lint-folders: setup
	$(BIN)/python -m pytest -q tests/house/test_folders.py

# make bench SHORT=1 takes under three minutes; in full it rewrites docs/benchmarks.md.
bench: setup
	$(BIN)/python -m pytest bench -q -s --benchmark-enable $(if $(SHORT),--short)

# The long campaigns that a test run leaves out, and that run again with the Chinese algorithms.
campaign: setup
	$(BIN)/python -m pytest -q -m campaign --campaign
	ONECARD_TEST_ALGORITHMS=sm $(BIN)/python -m pytest -q

# check() is asked and lines of .pyx are counted, in a copy with its own venv: the release build
# stays as it is.
debug:
	mkdir -p $(DEBUG)
	find $(DEBUG) -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
	tar cf - --exclude='*.so' --exclude='ext/*.c' --exclude=__pycache__ $(TREE) | tar xf - -C $(DEBUG)
	ONECARD_DEBUG=1 $(MAKE) -C $(DEBUG) setup VENV=.venv
	cd $(DEBUG) && ONECARD_DEBUG=1 .venv/bin/python -m pytest -q --cov --cov-report=term \
		--cov-report=html:coverage --deselect tests/house/test_newcomer.py

# Rules that are wrong in one place each: a copy with its own venv holds them all, one is awake at a time.
mutants:
	mkdir -p $(MUTANTS)
	find $(MUTANTS) -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
	tar cf - --exclude='*.so' --exclude='ext/*.c' --exclude=__pycache__ $(TREE) | tar xf - -C $(MUTANTS)
	$(PYTHON) -m tests.mutants.schemata $(MUTANTS)
	ONECARD_CFLAGS=-Wno-error $(MAKE) -C $(MUTANTS) setup VENV=.venv
	cd $(MUTANTS) && .venv/bin/python -m tests.mutants.campaign $(ONLY)

clean:
	rm -rf build onecard.egg-info ext/*.so ext/*/*.so ext/*.c ext/*/*.c ext/*/*.html
	find . -name __pycache__ -not -path './$(VENV)/*' -exec rm -rf {} +

needs:
	@command -v $(PYTHON) >/dev/null || { echo "make: expected python3, found none:\
	 apt-get install python3 python3-venv python3-dev, or set PYTHON=" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: expected\
	 Python 3.11 or newer, found $$($(PYTHON) -V 2>&1): set PYTHON= to a newer one" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: expected Python's venv,\
	 found none: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; \
	sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || { echo "make:\
	 expected Python.h, found none: apt-get install python3-dev" >&2; exit 1; }
	@compiler="$${CC:-cc}"; command -v $${compiler%% *} >/dev/null || command -v gcc >/dev/null || { echo "make: expected a C\
	 compiler, found none: apt-get install build-essential" >&2; exit 1; }
	@compiler="$${CC:-cc}"; command -v $${compiler%% *} >/dev/null || compiler=gcc; \
	 echo '#include <zlib.h>' | $$compiler -E - >/dev/null 2>&1 || { echo \
	 "make: expected zlib.h, found none: apt-get install zlib1g-dev" >&2; exit 1; }

$(BIN)/python: | needs
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(STAMP): $(BIN)/python $(SOURCES)
	flock $(VENV)/.lock $(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $(STAMP)
