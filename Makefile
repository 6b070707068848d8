# Two commands need nothing but Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.ready-dev

.PHONY: help demo test check bench chaos screenshots format build clean
help:
	@echo "make demo    set up and work the support desk's tickets, with a crash in the middle"
	@echo "make test    set up and run every test"
	@echo "make check   lint, format, types, layers"
	@echo "make chaos   kill, freeze and cut off a fleet on PostgreSQL, and see what it is worth afterwards"
	@echo "make bench   measure the loop, the journal and resuming, as ratios in one run"
	@echo "make screenshots  take the pictures of the console in docs/images/console, with Chromium"
	@echo "make format  write the code the way check wants it"
	@echo "make build   a wheel and a source archive in dist/"
	@echo "make clean   remove what these commands made"

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Holdfast needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Setting up $(VENV) (once, about half a minute) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt install python3-venv, then try again."; exit 1; }
	@$(PIP) install "pip>=25.1"
	@$(PIP) install -c constraints.txt -e ".[server]"
	@touch $(READY)

$(DEV_READY): $(READY)
	@echo "Adding what the tests need ..."
	@$(PIP) install -c constraints.txt -e ".[postgres,notify,server,telemetry,top,a2a,oidc]" --group dev
	@touch $(DEV_READY)

demo: $(READY)
	@$(BIN)/holdfast demo $(ARGS)

test: $(DEV_READY)
	@$(BIN)/python -m pytest $(ARGS)

check: $(DEV_READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/pyright

bench: $(DEV_READY)
	@$(BIN)/python -m bench $(ARGS)

chaos: $(DEV_READY)
	@$(BIN)/python -m tests.chaos $(ARGS)

screenshots: $(DEV_READY)
	@$(BIN)/python -m tools.screenshots $(ARGS)

format: $(DEV_READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

build: $(DEV_READY)
	@$(BIN)/python -m build --outdir dist .

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache .holdfast dist
