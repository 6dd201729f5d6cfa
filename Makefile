# Two commands: `make demo` and `make test`. Each makes its own environment in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: help demo test faults chaos lint format bench bench-guard clean

help: ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Undertone needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[embedded,dev]'
	@touch $@

demo: $(INSTALLED) ## Play the demo; the live page is http://127.0.0.1:8080, Ctrl-C leaves.
	@# Job control gives the demo the terminal: Ctrl-C reaches it and not make, which would fail.
	@set -m 2>/dev/null; $(BIN)/undertone demo $(ARGS); exit $$?

test: $(INSTALLED) ## Run all tests (under 10 minutes).
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal --cov --cov-report=term:skip-covered --cov-fail-under=90

faults: $(INSTALLED) ## Run the long forms of the fault tests.
	$(BIN)/python -m pytest -m faults --override-ini=timeout=3600

chaos: $(INSTALLED) ## Play random faults and compare all counts with an oracle's [LEVEL= SEED= SEEDS= ACTIONS=].
	@# Both levels, or LEVEL=in-process or LEVEL=processes. A SEED alone is played alone; without
	@# it, twenty. ACTIONS without a LEVEL is of the first, which plays many more than the other.
ifneq ($(LEVEL),processes)
	@$(BIN)/python -m tests.chaos.in_process --seed $(or $(SEED),1) \
		--seeds $(or $(SEEDS),$(if $(SEED),1,20)) --actions $(or $(ACTIONS),10000)
endif
ifneq ($(LEVEL),in-process)
	@$(BIN)/python -m tests.chaos.processes --seed $(or $(SEED),1) \
		--seeds $(or $(SEEDS),$(if $(SEED),1,20)) --actions $(or $(if $(LEVEL),$(ACTIONS)),500)
endif

lint: $(INSTALLED) ## Check style, types and layers; writes nothing.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED) ## Format the code.
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: $(INSTALLED) ## Measure the parts of a post's way on this machine.
	@$(BIN)/undertone bench

bench-guard: $(INSTALLED) ## Compare this machine's ratios with those stored [RECORD=1 stores them].
	@$(BIN)/python -m tests.bench_guard $(if $(RECORD),--record)

clean: ## Remove the environment and what runs left behind.
	rm -rf $(VENV) data out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage
