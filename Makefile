# Needs Python 3.11 or later with venv, make, and the package registries; nothing is installed outside this folder.
PYTHON ?= python3
BIN := .venv/bin
PIP := -m pip -qq --disable-pip-version-check --no-input
PYTEST := -n auto --dist worksteal

.PHONY: demo test test-all chaos torture endurance plans mutate coverage lint check bench db dist build clean screenshots
.DELETE_ON_ERROR:

# a fleet of phones and the history of this repository in a server of its own: failures, recovery, health, a report
demo: .venv/ok
	@$(BIN)/syncwell demo --report build/report.html $(ARGS)

# every test, on all processors; ARGS chooses some, e.g. ARGS="-k progress"; PG=15 to PG=18 chooses PostgreSQL
test: .venv/test
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && export PYTEST_DEBUG_TEMPROOT="$$folder" && \
	  $(if $(PG),PG_BINDIR=$$(PYTHONPATH=python:tests $(BIN)/python -m harness bindir $(PG)) && export PG_BINDIR &&) \
	  $(BIN)/pytest $(PYTEST) $(ARGS)

# every test on each version of PostgreSQL that syncwell runs on, one after another, and a table of them
test-all: .venv/test
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && export PYTEST_DEBUG_TEMPROOT="$$folder" && \
	  PYTHONPATH=python:tests $(BIN)/python -m harness versions $(PYTEST) $(ARGS)

# real clients against every kind of writer, for long; ROUNDS and SEED choose how long and which
chaos: .venv/test
	@SYNCWELL_CHAOS_ROUNDS=$(or $(ROUNDS),300) SYNCWELL_CHAOS_SEED=$(or $(SEED),1) $(BIN)/pytest tests/client/test_chaos.py

# kill -9 of the server, of workers, of the HTTP process, in the middle of work; ROUNDS, SEED, and ARGS="--only 17" for one
torture: .venv/test
	@PYTHONPATH=python:tests $(BIN)/python -m torture --rounds $(or $(ROUNDS),200) --seed $(or $(SEED),1) $(ARGS)

# an hour's mixed load on a clock that runs faster: build/endurance.json and .svg, and does anything grow; SECONDS it takes
endurance: .venv/test
	@PYTHONPATH=python:tests $(BIN)/python -m endurance --seconds $(or $(SECONDS),600) $(ARGS)

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
	$(BIN)/python sql/build.py reference --check
	$(BIN)/python python/unasync.py --check

# write the generated files: migrations from the domain folders, current.sql, REFERENCE.md, the sync client, the matrix of grants
build: .venv/dev
	$(BIN)/python sql/build.py assemble
	$(BIN)/python sql/build.py current
	$(BIN)/python sql/build.py reference
	$(BIN)/python python/unasync.py
	PYTHONPATH=python:tests $(BIN)/python -m harness matrix

# what hot questions and writes read among a million rows of everything, also with stale statistics; ROWS chooses how many
plans: .venv/test
	@SYNCWELL_PLAN_ROWS=$(or $(ROWS),1000000) $(BIN)/pytest -n0 tests/python/test_hot_plans.py

# small errors put into the SQL, one at a time: does a test fail? COUNT, SEED and ONLY=<domain> choose how many, which
mutate: .venv/test
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && PYTEST_DEBUG_TEMPROOT="$$folder" \
	  PYTHONPATH=python:tests $(BIN)/python -m mutation $(if $(ONLY),--only $(ONLY)) --count $(or $(COUNT),72) --seed $(or $(SEED),1)

# which statements of the SQL functions and which branches of the Python package the tests reach
coverage: .venv/test
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && PYTEST_DEBUG_TEMPROOT="$$folder" \
	  PYTHONPATH=python:tests $(BIN)/python -m profiling -q $(ARGS)

# what is promised in numbers, as ratios; SCALE=small or full; ARGS="--only queue --keep" measures one row of the table anew
bench: .venv/test
	@PYTHONPATH=python:. $(BIN)/python -m bench --scale $(or $(SCALE),small) $(ARGS)

# pictures of the dashboard in each of its states, with the data of the demo, into docs
screenshots: .venv/test
	@PYTHONPATH=python:tests $(BIN)/python -m harness.screenshots

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
