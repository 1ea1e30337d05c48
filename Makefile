# Two commands do everything on a fresh machine with Python >= 3.11: `make run` and `make test`.
PYTHON  ?= python3
DRAWING ?=
SOURCE  ?=
MODELS  ?=
PROFILE ?= quick
SET     ?=
FORCE   ?=
LARGE   ?=
BENCH   ?=
HOST    ?= 127.0.0.1
PORT    ?=
KEEP    ?=
DELETE  ?=
ALL     ?=

# What is given is text: make does not expand it, and the shell gets it in single quotes.
$(foreach name,DRAWING SOURCE MODELS PROFILE SET FORCE LARGE BENCH HOST PORT KEEP DELETE ALL FULLCIRCLE_STORE,$(eval override $(name) := $$(value $(name))))
quoted = '$(subst ','\'',$1)'
option = $(if $2,--$1=$(call quoted,$2))
what = $(or $(call option,source,$(SOURCE)),$(call option,drawing,$(DRAWING))) $(call option,models,$(MODELS)) $(call option,profile,$(PROFILE))
how = $(if $(FORCE),--force) $(foreach setting,$(SET),$(call option,set,$(setting)))
logs = $(call quoted,$(or $(FULLCIRCLE_STORE),store)/logs)

BIN := .venv/bin
# Only what is known to be unset: TensorFlow's banner and Dagster's question say nothing of use here.
export DAGSTER_HOME ?= $(CURDIR)/dagster_home
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYTHONUNBUFFERED ?= 1

.PHONY: test-daemon help install run features ui tensorboard results prune audit bench test lint lock clean

help:  ## what there is to type
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 18

install: .venv/.installed  ## the environment, from the lock file with hashes

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"Full Circle needs Python 3.11, 3.12 or 3.13. Found: {v[0]}.{v[1]}. Name another: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m pip check
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

run: .venv/.installed  ## what is stale of the line and of a source with two models, or of what is named: DRAWING=line, file.py:Class or all, or SOURCE=tifinagh MODELS=vae PROFILE=quick SET="examples.n=500 ..." FORCE=1 LARGE=1
	@$(BIN)/python -m pipelines.run $(what) $(how) $(if $(LARGE),--large)

features: .venv/.installed  ## what the maps of a trained encoder react to most: DRAWING=line, or SOURCE=tifinagh MODELS=vae PROFILE=quick SET="features.maps=4 ..."
	@$(BIN)/python -m pipelines.run --features $(what) $(how)

ui: .venv/.installed  ## the Dagster UI on 127.0.0.1
	$(BIN)/python -m pipelines.ui --host $(call quoted,$(HOST)) --port $(call quoted,$(or $(PORT),3000))

tensorboard: .venv/.installed  ## losses of every training, and the latents of autoencoders in the embedding projector, on 127.0.0.1
	@mkdir -p $(logs)
	$(BIN)/tensorboard --logdir $(logs) --load_fast=false --host $(call quoted,$(HOST)) --port $(call quoted,$(or $(PORT),6006))

results: .venv/.installed  ## the latest figures of every report, and a page that links them all
	@$(BIN)/fullcircle results

prune: .venv/.installed  ## what nothing needs any more of store and history, the latest 3 kept: KEEP=3; removed only with DELETE=1
	@$(BIN)/python -m pipelines.prune $(call option,keep,$(KEEP)) $(if $(DELETE),--delete)

audit: .venv/.installed  ## is the store as its ledger has it, and Dagster's history with it? Exit code 0 if so, 1 if not: ALL=1 hashes every version
	@$(BIN)/python -m pipelines.audit $(if $(ALL),--all)

bench: .venv/.installed  ## beside what one would use instead, four hours in all: BENCH=reading SET="reading.pictures=100 ..."
	@$(BIN)/python -m benchmarks $(foreach name,$(BENCH),$(call quoted,$(name))) $(foreach setting,$(SET),$(call option,set,$(setting)))

test: .venv/.installed-dev  ## linters, types and all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@# Tests start Python hundreds of times; where PYTHONDONTWRITEBYTECODE is set each of them would compile these packages.
	$(BIN)/python -m compileall -q fullcircle assets pipelines benchmarks
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder -m "not daemon"

test-daemon: .venv/.installed-dev  ## the daemon of make ui end to end, killed in the middle: some five minutes
	$(BIN)/python -m pytest -m daemon

lock:  ## the lock files again, from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--no-header --extra build -o requirements.lock pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--no-header --extra build --extra postgres -c requirements.lock -o requirements-postgres.lock pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--no-header --extra build --extra postgres --extra dev -c requirements-postgres.lock -o requirements-dev.lock pyproject.toml

clean:  ## the environment and caches; never the store or the history
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache
