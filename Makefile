# One-word chores. `make` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup test quick lint format stages lists ci-concepts ci-champions train figures demo pretrain ui clean distclean

PYTHON ?= python3
BIN := .venv/bin
# For tools that start tools: stages, servers.
IN_VENV = PATH="$(abspath $(BIN)):$$PATH"
PORT ?= 5000
CONCEPTS ?= celeb100
# What ci-concepts compares the lists with: a commit, or the one in this file, where there is such a file.
AGAINST ?= HEAD
SINCE ?=
BASE ?= mini-sd

# Nothing phones home; Metaflow needs a user that is not root.
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1
export HF_HUB_DISABLE_TELEMETRY := 1
export METAFLOW_USER ?= unhype

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.installed ## create .venv and install everything (once: about 2 minutes and 2 GB)

# pip is upgraded first: the resolver of pip 23 does not come back from this stack.
.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: got '$$($(PYTHON) --version 2>&1 | tail -n 1)', wanted Python 3.11 or newer, as PYTHON=$(PYTHON); install one and run: make setup PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev,nudity,export,s3]'
	@touch $@

# Two processes share the tests, file by file, each with one thread: most tests wait for imports, which take one core.
# Files in their own order: the longest, which start flows, are then neither first nor last.
PYTEST := $(BIN)/pytest -n $(or $(JOBS),2) --dist loadfile --no-loadscope-reorder
test quick: export HF_HUB_OFFLINE := 1
test quick: export OMP_NUM_THREADS := 1

test: lint ## lint, then every test
	$(IN_VENV) $(PYTEST)

quick: .venv/.installed ## the fast tests only
	$(IN_VENV) $(PYTEST) -m "not slow"

lint: .venv/.installed ## style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.installed ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

stages: .venv/.installed ## write the stages: a stage for each list, and which files each stage runs, worked out from the imports
	$(BIN)/python -m unhype.pipeline.stages

lists: .venv/.installed ## bring the concept lists up to date: what was edited is accepted, trained and scored, the rest is skipped
	$(BIN)/python -m unhype.pipeline.lists
	$(IN_VENV) $(BIN)/dvc repro -s lists curate prompts erase

ci-concepts: .venv/.installed ## what CI does with edited lists: check, rerun, judge beside the champion, build/ci/comment.md
	$(IN_VENV) $(BIN)/python -m unhype.review --against $(AGAINST) $(if $(SINCE),--since $(SINCE))

ci-champions: .venv/.installed ## judge every champion again with fresh pictures; changes nothing in the registry
	$(IN_VENV) $(BIN)/python -m unhype.review --champions

# A miniature is trained in one thread and drawn by two processes: sums in more threads round otherwise, and two thousand
# steps of training end at another guard. So its bytes do not depend on how many cores there are; on what kind they do.
THREADS ?= $(if $(filter mini-%,$(BASE)),1)
SHARDS ?= $(if $(filter mini-%,$(BASE)),2,1)
train: .venv/.installed ## the main job: forget a hundred names on the miniature base (another set: make train CONCEPTS=objects)
	$(IN_VENV) $(if $(THREADS),OMP_NUM_THREADS=$(THREADS)) $(BIN)/python flows/train_flow.py --no-pylint run \
	  --concepts $(CONCEPTS) --base $(BASE) --shards $(SHARDS) --max-workers $(SHARDS)

figures: .venv/.installed ## take over what the main job measured last into data/scores, and fill in the pages that show it
	$(BIN)/python experiments/taking.py $(CONCEPTS) --base $(BASE)
	$(BIN)/python experiments/figures.py

demo: .venv/.installed ## a gallery drawn by the bare miniature base
	$(IN_VENV) $(BIN)/unhype demo

pretrain: .venv/.installed ## bring every DVC stage up to date (the miniature base: hours on 2 cores)
	$(IN_VENV) $(BIN)/dvc repro

ui: .venv/.installed ## MLflow on http://127.0.0.1:5000 (another port: make ui PORT=5001)
	$(IN_VENV) $(BIN)/unhype ui --port $(PORT)

clean: ## remove caches and packaging leftovers (keeps .venv, runs and checkpoints)
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist *.egg-info
	find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv
	rm -rf .venv
