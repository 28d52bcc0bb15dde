# Every target sets itself up: Python 3.11 or later and make are all that a machine needs.
#
#   make demo       install, then the main job on two simulated markets
#   make test       install, then all tests
#   make check      format, lint, types, tests (which run README and docs): the command that says yes or no
#   make docs       write the generated pages anew: docs/commands.md and docs/spec.md
#   make bench      every benchmark, the engine's beside PyTorch, Keras and neuralforecast: half an hour
#   make calibrate  long proofs: the judge's own errors, the size of the decisive test, twenty demos, intervals
#   make fuzz       long proof: 10,000 mutated real files
#   make kills      long proofs: 200 downloads, 50 trainings and 100 live loops killed at random moments
#   make networks   long proofs: what holds for every network, and that each finds what an echo market holds
#   make peers      every network, optimiser and stacked peer beside PyTorch's own
#   make audits     long proof: the leakage audit on 50 leaking pipelines and 200 clean ones
#   make live       long proofs: a week of the loop, 5,000 requests to the server, 50 readers for a minute
#
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
# Commands are started hundreds of times by the tests: what Python compiled of them is kept, whatever a machine says.
unexport PYTHONDONTWRITEBYTECODE

# pip compiles one file after the other, half of an installation's time; here every core does. What is no Python of this
# version, in the templates of some package, is nobody's to import.
define INSTALL
$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile -c constraints.txt -e '.$(EXTRAS)'
$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true
endef

.PHONY: demo test check format lint types docs bench calibrate fuzz kills networks peers audits live clean
.NOTPARALLEL:

demo: $(VENV)/installed
	$(BIN)/coincast demo

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
	COINCAST_OPTIMISED=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "optimised and not long" \
		$$(grep -rl --include='test_*.py' 'mark\.optimised' tests)

check: format lint types test

format: $(VENV)/installed-dev
	$(BIN)/ruff format --check .

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

docs: $(VENV)/installed-dev
	$(BIN)/python docs/generate.py

bench: $(VENV)/installed-bench
	set -e; for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark; done; echo "== benchmarks/engine"; $(BIN)/python benchmarks/engine

calibrate: $(VENV)/installed
	$(BIN)/coincast calibrate
	$(BIN)/python proofs/size_of_the_test.py
	$(BIN)/python proofs/twenty_demos.py
	$(BIN)/python proofs/conformal.py

fuzz: $(VENV)/installed-dev
	$(BIN)/python proofs/fuzz_files.py

kills: $(VENV)/installed-dev
	$(BIN)/python proofs/kill_downloads.py
	$(BIN)/python proofs/kill_training.py
	$(BIN)/python proofs/kill_watch.py

networks: $(VENV)/installed-dev
	COINCAST_OPTIMISED=1 $(BIN)/python -m pytest -m long
	$(BIN)/python proofs/networks_on_echo.py
	$(BIN)/python proofs/trading_on_echo.py

peers: $(VENV)/installed-bench
	COINCAST_OPTIMISED=1 $(BIN)/python -m pytest tests/peers tests/test_benchmarks.py

audits: $(VENV)/installed-dev
	$(BIN)/python proofs/audit_pipelines.py

live: $(VENV)/installed-dev
	$(BIN)/python proofs/watch_week.py
	$(BIN)/python proofs/fuzz_api.py
	$(BIN)/python proofs/load_server.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# One environment; a stamp says what is in it, and is renewed when the packages that are asked for change.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Coincast needs Python 3.11 or later, and $(PYTHON) is older; say another one: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL)
	@touch $@

$(VENV)/installed-dev: EXTRAS := [dev]
$(VENV)/installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL)
	@touch $(VENV)/installed $@

$(VENV)/installed-bench: EXTRAS := [dev,bench]
$(VENV)/installed-bench: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL)
	@touch $(VENV)/installed $(VENV)/installed-dev $@
