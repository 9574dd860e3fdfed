# Each command works on a fresh machine: scripts/setup installs what is missing and is quick when nothing is.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
WEB := traceo/collector/web

ifdef ONCE
DEMO_FLAGS += --once
endif

.PHONY: help setup demo test test-pure check format bench docs web clean

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## install everything that is missing (Debian packages, Python packages, web UI)
	@scripts/setup

demo: setup  ## run the example shop against a collector, check for leaks, show the page (ONCE=1: then exit)
	@$(BIN)/traceo demo $(DEMO_FLAGS)

test: setup  ## all tests: unit, property, end to end, browser; then all again as plain Python
	@scripts/test

check: setup  ## format, lint, types, import rules, dependency locks
	@scripts/check

format: setup  ## format the sources in place
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

bench: setup  ## benchmarks against peers, as tables
	@scripts/bench

docs: setup  ## regenerate the generated pages of docs/
	@scripts/docs

web: setup  ## rebuild the web UI
	@cd $(WEB) && npm run build

clean:  ## remove what set-up and builds made
	@rm -rf .venv build *.egg-info $(WEB)/node_modules $(WEB)/dist .cache
	@find traceo -name '*.so' -delete
