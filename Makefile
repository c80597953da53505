# Rollbook: `make up` runs it, `make test` tests it; both install what they need into .venv first.

.DEFAULT_GOAL := help
.PHONY: help install up test check fault bench nightly lock clean

BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
PACKAGES := contracts gateway projector services
export PYTHON

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

install: ## make .venv with the command .venv/bin/rollbook
	@sh scripts/install.sh

up: install ## run everything on this machine; data in ./.rollbook (ARGS="--port 9000")
	@$(BIN)/rollbook up $(ARGS)

test: install ## all tests but the long faults, the others twice; up to four processes, each with servers of its own
	$(PYTEST) -m "not bench and not nightly and not long" --numprocesses=logical --maxprocesses=4 --dist=loadfile $(ARGS)

check: install ## format, lint, types, layers and the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES) tests
	$(BIN)/lint-imports
	$(PYTEST) -q -m "not bench and not nightly" --hypothesis-profile=small tests/unit tests/contract tests/property

fault: install ## kill and pause every process at random moments, 20 rounds of each
	$(PYTEST) -m "fault and not nightly" --rounds 20 --outage 30 tests/fault $(ARGS)

bench: install ## measure; JSON=FILE writes the figures
	PYTHONPATH=tests $(BIN)/python -m bench.run $(if $(JSON),--json "$(JSON)")

nightly: install ## the long properties
	$(PYTEST) -m nightly --hypothesis-profile=nightly $(ARGS)

lock: install ## write requirements.lock anew (UPGRADE=1: with the newest versions)
	@UPGRADE=$(UPGRADE) sh scripts/lock.sh

clean: ## remove .venv and every cache; data in .rollbook stay
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
