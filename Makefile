# `make` lists what there is. Needs make and Python >= 3.11; everything else is installed into .venv.

PYTHON ?= python3
DEMO ?= 1
ARGS ?=
RUNS ?= 25
HOURS ?= 1
EXAMPLES ?= 200
SECONDS ?= 600
WORKERS ?= 2
ONLY ?=
REPEATS ?= 5
SCALE ?= 1
SCHEDULES ?= 1000000
FIRST ?= 0
MIX ?= record
REPORT ?=
RENDER ?=

RUN := .venv/bin/python -m
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
           --custom-compile-command "make lock" pyproject.toml

# Each service of each test is a process: modules are compiled once, whatever this shell says of bytecode.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup run demo test chaos soak outages fuzz simulate planted browser bench image check format lock schemas dashboard alerts settings-docs clean
.PHONY: local-environment

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Install everything into .venv, only when requirements/dev.txt has changed
	@$(PYTHON) deploy/environment.py dev

local-environment:
	@$(PYTHON) deploy/environment.py local

run: local-environment  ## Start the whole system on this machine and play the demo (DEMO=0: an empty workspace)
	@$(RUN) deploy.local up $(if $(filter 0,$(DEMO)),,--demo)

demo: local-environment  ## The same, then stop: exit code 0 only if every expected effect is there, once
	@$(RUN) deploy.local up --demo --leave

test: setup  ## Run the tests on a real broker and database (ARGS="-k name" for some, WORKERS=0: one by one)
	@$(RUN) pytest -m "not slow" --numprocesses $(WORKERS) --dist loadfile $(ARGS)

chaos: setup  ## Kill, cut off, freeze and fill everything under load: RUNS seeds from FIRST on (REPORT=name: docs/proof/name.md)
	@$(RUN) tests.chaos.rig --runs $(RUNS) --first $(FIRST) $(REPORT:%=--report %) $(ARGS)

soak: setup  ## A steady load without a fault for HOURS, with memory, descriptors, lag and tables drawn in docs/proof/soak.md
	@$(RUN) tests.chaos.rig --hours $(HOURS) --first $(FIRST) --report soak $(ARGS)

outages: setup  ## Broker and database away for a minute each under mixed traffic: what each door answers, and that nothing is lost
	@$(RUN) pytest --timeout 0 -m slow tests/chaos $(ARGS)

fuzz: setup  ## Fuzz what reads bytes of strangers, SECONDS each, and call both OpenAPIs' operations EXAMPLES times each
	@$(RUN) tests.attacks.fuzz all $(SECONDS)
	@FUZZ_EXAMPLES=$(EXAMPLES) $(RUN) pytest --timeout 0 tests/attacks/test_openapi_calls.py $(ARGS)

simulate: setup  ## Play SCHEDULES seeds of clients and faults from FIRST on, on a clock, a log and a store in memory
	@$(RUN) tests.simulation --schedules $(SCHEDULES) --first $(FIRST)

planted: setup  ## Plant each known defect into a copy of the tree: the simulation must find all of them
	@$(RUN) tests.planted

browser: setup  ## Read a mail, click, download, submit and unsubscribe in a real browser (Debian: apt-get install chromium)
	@$(RUN) pytest -m slow tests/browser $(ARGS)

image: setup  ## Carry out the image's steps without a container engine, and start every role from the result
	@$(RUN) pytest --timeout 0 -m slow tests/integration/test_image_steps.py $(ARGS)

bench: setup  ## Measure speed beside its floor (ONLY=evaluator, REPEATS=1 SCALE=0.05: a quick look, RENDER=page: write it down)
	@$(RUN) tests.benchmarks $(ONLY:%=--only %) --repeats $(REPEATS) --scale $(SCALE) --mix $(MIX) $(RENDER:%=--render %)

check: setup  ## Lint, check the format, the types and the import rules
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@.venv/bin/lint-imports

format: setup  ## Format, and mend what the linter can mend
	@$(RUN) ruff check --fix .
	@$(RUN) ruff format .

lock: setup  ## Pin what pyproject.toml and deploy/local/jars.py ask for (needs uv)
	$(COMPILE) --output-file requirements/runtime.txt
	$(COMPILE) --extra cli --output-file requirements/cli.txt
	$(COMPILE) --extra cli --extra local --output-file requirements/local.txt
	$(COMPILE) --extra cli --extra local --extra dev --output-file requirements/dev.txt
	$(RUN) deploy.local.jars

schemas: setup  ## Write the JSON Schemas of the contracts, and AsyncAPI of the topics, after a change of them
	@$(RUN) deploy.schema_files
	@$(RUN) deploy.asyncapi

dashboard: setup  ## Write the Grafana dashboard after a change of its panels
	@$(RUN) deploy.dashboard

alerts:  ## Check the scrape configuration and try the alert rules over made-up series (needs promtool)
	@command -v promtool >/dev/null || { echo "error: promtool is needed: it comes with Prometheus (Debian: apt-get install prometheus)" >&2; exit 1; }
	promtool check config deploy/prometheus/prometheus.yml
	promtool test rules deploy/alerts/tests/*.yaml

settings-docs: setup  ## Write docs/settings.md after a change of a setting
	@$(RUN) deploy.settings_docs

clean:  ## Remove the local stack's data and the tools' caches; .venv stays
	rm -rf .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
