# The commands of the README. Each needs Python 3.11 or later and nothing else: it makes its own
# environment in .venv/ and makes it again only when pyproject.toml has changed.
#
#   make demo          simulate macros/sn1987a-gamma.toml; events and picture in demo/
#   make test          style, types and tests
#   make test-interop  read our files with real ROOT and with jsroot (Linux x86-64, node)
#   make bench         measure speed and memory; FULL=1 adds 1e8 events (12 GB) and a cold demo
#   make limits        run all limit cards into limits/ (hours; goes on where it was stopped) and
#                      copy their tables to docs/limits/
#   make clean         remove all that the others made
#
# PYTHON=python3.13 takes another interpreter.

PYTHON ?= python3
CARD := macros/sn1987a-gamma.toml
NPM := npm --prefix tests/interop

.PHONY: demo test test-interop bench limits clean
.DELETE_ON_ERROR:

demo: .venv/demo/installed
	@mkdir -p demo
	.venv/demo/bin/snmc run $(CARD) --overwrite --output demo/sn1987a-gamma.root
	.venv/demo/bin/snmc plot demo/sn1987a-gamma.root --output demo/sn1987a-gamma.png

test: .venv/test/installed
	.venv/test/bin/ruff check
	.venv/test/bin/ruff format --check
	.venv/test/bin/mypy
	.venv/test/bin/python -m pytest -m "not interop"

test-interop: .venv/interop/installed tests/interop/node_modules/.package-lock.json
	SNMC_INTEROP=1 .venv/interop/bin/python -m pytest -m interop tests/interop

bench: .venv/bench/installed
	FULL="$(FULL)" .venv/bench/bin/python tests/bench/table.py

limits: .venv/demo/installed
	.venv/demo/bin/python macros/limits.py limits

clean:
	rm -rf .venv build demo *.egg-info .benchmarks .hypothesis .mypy_cache .pytest_cache \
	  .ruff_cache tests/interop/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Extras of pyproject.toml that an environment has, after its name.
.venv/demo/installed: EXTRAS =
.venv/%/installed: EXTRAS = [$*]

.venv/%/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "snmc needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	    "Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv/$*
	.venv/$*/bin/python -m pip install --quiet --disable-pip-version-check --editable '.$(EXTRAS)'
	@touch $@

# npm writes this list last. Scripts would build what jsroot draws with; it shall only read.
tests/interop/node_modules/.package-lock.json: tests/interop/package.json
	@command -v npm >/dev/null || { echo "jsroot needs node and npm; found neither" >&2; exit 1; }
	$(NPM) install --ignore-scripts --no-audit --no-fund --no-package-lock
	@touch $@
