# Two commands matter: `make demo` and `make test`. Each makes its own environment from requirements.lock first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := .venv-bench
export PYTHONDONTWRITEBYTECODE :=  # dozens of processes start in a run: each would compile every module again

.PHONY: demo test nightly check fast bench peers foreign clean lint types generate setup

demo: setup ## set everything up and run the main job on the embedded stack
	@$(BIN)/millrace demo

test: setup ## every test, file by file on two workers; each worker starts a real broker for all of its tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0 --durations 12 --reruns 2

nightly: setup ## outages of every service in one long run; properties on new random examples
	@$(BIN)/python -m pytest -m nightly
	@$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0 -m "not broker" --hypothesis-profile new

check: setup lint ## lint, types, fast tests: under two minutes
	@$(MAKE) --no-print-directory -j 2 types fast

fast: setup
	@$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0 -m "not broker and not slow" --examples 0.3

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/python -m streams.schema.generate --check

types: setup
	@$(BIN)/pyright

generate: setup ## records, slots and topic pages from schemas/
	@$(BIN)/python -m streams.schema.generate

bench: setup peers ## every claim beside its peer; writes the table of docs/benchmarks.md
	@$(BIN)/python benchmarks/run_all.py

peers: $(PEERS)/.ready ## what benchmarks compare with, in an environment of its own

foreign: setup ## clients of other projects that tests read and write with: kcat, kafkajs, Java's console tools
	@command -v kcat > /dev/null || apt-get install -y -q kcat || echo "kcat             not installed: that needs root and Debian's packages"
	@command -v npm > /dev/null && npm install --prefix .foreign --no-audit --no-fund kafkajs@2.2.4 lz4-napi@2.10.0 || echo "kafkajs          not installed: that needs node and npm"
	@$(BIN)/python -m tests.lanes.foreign.programs

clean: ## stop the stack, remove environment, state and caches of this checkout
	@test ! -x $(BIN)/millrace || $(BIN)/millrace down --purge
	rm -rf $(VENV) $(PEERS) .foreign .millrace .pytest_cache .ruff_cache .hypothesis build *.egg-info

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@echo "environment      $(VENV) from requirements.lock"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "millrace: Python " + sys.version.split()[0] + " is too old; 3.11 or newer is needed (make PYTHON=python3.12)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python infra/environment.py
	@touch $@

$(PEERS)/.ready: requirements-bench.lock
	@echo "environment      $(PEERS) from requirements-bench.lock"
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python infra/environment.py requirements-bench.lock
	@touch $@
