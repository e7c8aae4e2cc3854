# Needs Python 3.11 or later with venv, make, and the package registries; nothing is installed outside this folder.
PYTHON ?= python3
BIN := .venv/bin
PIP := -m pip -qq --disable-pip-version-check --no-input

.PHONY: demo test chaos lint check bench db dist build clean
.DELETE_ON_ERROR:

# a fleet of phones and the history of this repository in a server of its own: failures, recovery, health, a report
demo: .venv/ok
	@$(BIN)/syncwell demo --report build/report.html $(ARGS)

# every test; ARGS chooses some, e.g. ARGS="-k progress"
test: .venv/test
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && PYTEST_DEBUG_TEMPROOT="$$folder" $(BIN)/pytest $(ARGS)

# real clients against every kind of writer, for long; ROUNDS and SEED choose how long and which
chaos: .venv/test
	@SYNCWELL_CHAOS_ROUNDS=$(or $(ROUNDS),300) SYNCWELL_CHAOS_SEED=$(or $(SEED),1) $(BIN)/pytest tests/client/test_chaos.py

# style and types: SQL, Python
lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/sqlfluff lint --disable-progress-bar sql tests
	$(BIN)/squawk --config .squawk.toml $(filter-out %.rollback.sql,$(wildcard sql/migrations/*.sql))

# are generated files up to date, do the domains depend one way
check: .venv/dev
	$(BIN)/python sql/build.py check
	$(BIN)/python sql/build.py current --check
	$(BIN)/python python/unasync.py --check

# write the generated files: migrations from the domain folders, current.sql, the sync client, the matrix of grants
build: .venv/dev
	$(BIN)/python sql/build.py assemble
	$(BIN)/python sql/build.py current
	$(BIN)/python python/unasync.py
	PYTHONPATH=python:tests $(BIN)/python -m harness matrix

# what is promised in numbers, as ratios; SCALE=small or full
bench: .venv/test
	@PYTHONPATH=python:. $(BIN)/python -m bench --scale $(or $(SCALE),small)

# a server with all migrations and the tests' orgs and logins, to play with until Ctrl-C
db: .venv/test
	@PYTHONPATH=python:tests $(BIN)/python -m harness db

# the wheel (which contains the SQL) and the source archive
dist: .venv/test
	@$(BIN)/hatchling build

# everything that the other targets made
clean:
	rm -rf build dist .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/ok: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "syncwell needs Python 3.11 or later, this is " + \
	  sys.version.split()[0] + "; choose another: make PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP) install --editable '.[binary,pool,cli,embedded,report]'
	@touch $@

.venv/test: .venv/ok
	@$(BIN)/python $(PIP) install --upgrade 'pip>=25.1'
	@$(BIN)/python $(PIP) install --editable '.[binary,pool,cli,embedded,export,report,http,alerts]' --group test
	@touch $@

.venv/dev: .venv/test
	@$(BIN)/python $(PIP) install --group dev
	@touch $@
