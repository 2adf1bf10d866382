# The front doors. `make` alone lists them; each does all its own set-up.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lock bench fuzz image

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r door text; do \
	    printf 'make %-8s %s\n' "$$door" "$$text"; done

setup: ## Debian packages, .venv and front-end parts, for everything
	@$(PYTHON) bootstrap.py test

demo: ## one box, one fleet, one practice on this machine; Ctrl-C ends it
	@$(PYTHON) bootstrap.py demo
	@test -f provisioning/demo/__main__.py || { echo 'make demo: not there yet; see CHANGELOG.md.' >&2; exit 1; }
	@exec $(BIN)/python -m provisioning.demo $(ARGS)

# Journeys are timed by what a person would bear, so each has the machine to itself.
test: setup ## every test, with real broker, card service and browser; ARGS="..." for some
ifeq ($(strip $(ARGS)),)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --ignore=tests/journeys
	@$(BIN)/python -m pytest tests/journeys
else
	@$(BIN)/python -m pytest $(ARGS)
endif

check: setup ## format, lint, types, walls, documents: under a minute
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/architecture

format: setup ## write code the way `make check` wants it
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lock: ## pin again what pyproject.toml and package.json name (needs uv and npm)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --extra box --extra fleet --extra provisioning --extra dev pyproject.toml --output-file requirements.lock
	@npm install --package-lock-only --ignore-scripts --no-audit --no-fund

bench: setup ## measure against peers, into build/bench.json; ONLY=name for one
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

fuzz: setup ## look for inputs that break a parser; ONLY=target, SECONDS=60
	@$(BIN)/python -m tests.fuzz target $(ONLY) --seconds $(or $(SECONDS),60)

image: ## the box's disk image
	@echo 'make image: not built yet; the disk image comes with a later milestone (see CHANGELOG.md).' >&2; exit 1
