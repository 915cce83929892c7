# `make` lists the targets. Each installs what it needs: Debian packages (as root or through sudo) and a virtual environment in
# ${XDG_CACHE_HOME:-~/.cache}/monq-platform, or in $MONQ_CACHE.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

STAGE := tests/tools/stage
RUN := tests/tools/in-venv dev
PYTEST = $(RUN) python -m pytest --junitxml=tests/output/$@.xml
# What `make demo` confirms: the monq_environment of inventories/sandbox.
DEMO_ENVIRONMENT := production

# Molecule's sandbox is not the demo's: it is removed at the end.
MOLECULE_SANDBOX = /var/tmp/monq-sandbox-molecule-$(shell id -u)

.PHONY: help deps demo test lint sanity unit browser guards integration molecule sandbox-up sandbox-reset sandbox-down bench faults faults-share faults-point docs build clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | awk -F '\t' '{ printf "  make %-14s %s\n", $$1, $$2 }'

deps: ## install missing packages and the virtual environment (every target does)
	@tests/tools/install-packages
	@$(RUN) true

demo: deps ## bring a sandbox up and upgrade it from 5.9.3 to 6.0.0; a second run changes nothing
	@$(STAGE) 'sandbox up' $(RUN) tests/sandbox/sandbox up
	@$(STAGE) '5.9.3 to 6.0.0' $(RUN) tests/tools/demo $(DEMO_ENVIRONMENT)

test: deps ## everything that CI checks: lint, sanity, unit, guards, integration, a share of the faults, molecule
	@rm -f tests/output/*.xml tests/output/stages.tsv
	@$(STAGE) 'control plane' tests/sandbox/bin/build-control-plane
	@$(STAGE) test $(MAKE) lint unit guards sanity integration faults-share molecule
	@$(RUN) python tests/tools/test_summary.py tests/output/*.xml
	@[ -n "$${MONQ_CI:-}" ] || $(STAGE) --table

lint: deps ## ansible-lint (production), yamllint, ruff, antsibull-docs, antsibull-changelog
	@$(STAGE) yamllint $(RUN) yamllint --strict .
	@$(STAGE) ruff $(RUN) ruff check .
	@$(STAGE) "ruff format" $(RUN) ruff format --check .
	@$(STAGE) antsibull-changelog $(RUN) antsibull-changelog lint
	@$(STAGE) antsibull-docs $(RUN) antsibull-docs lint-collection-docs --plugin-docs .
	@$(STAGE) ansible-lint $(RUN) ansible-lint --strict

guards: deps ## remove each guard from a copy of the tree: the tests named for it must fail
	@$(STAGE) guards $(RUN) python tests/tools/break_guards.py

sanity: deps ## ansible-test sanity
	@$(STAGE) sanity $(RUN) tests/tools/ansible-test sanity

unit: deps ## pytest tests/unit
	@$(STAGE) unit $(PYTEST) -n 2 tests/unit

browser: deps ## the report in headless Chromium (needs chromium and poppler-utils; not part of test)
	@$(STAGE) browser $(PYTEST) tests/browser

integration: deps ## pytest tests/integration, on the sandbox
	@$(STAGE) integration $(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder tests/integration

molecule: deps ## every scenario of molecule/, on the sandbox
	@export SANDBOX_DIR=$(MOLECULE_SANDBOX) MOLECULE_GLOB='molecule/*/molecule.yml'; trap '$(RUN) tests/sandbox/sandbox down' EXIT; \
	  $(STAGE) molecule $(RUN) molecule test --all

sandbox-up: deps ## start the simulated Monq 5.9.3
	@$(STAGE) 'sandbox up' $(RUN) tests/sandbox/sandbox up

sandbox-reset: deps ## return the running sandbox to 5.9.3
	@$(STAGE) 'sandbox reset' $(RUN) tests/sandbox/sandbox reset

sandbox-down: deps ## stop the sandbox
	@$(STAGE) 'sandbox down' $(RUN) tests/sandbox/sandbox down

bench: deps ## pytest tests/benchmarks: what a run costs beside what an operator would use instead (half an hour)
	@$(STAGE) bench env SCALE=$(or $(SCALE),1) $(PYTEST) tests/benchmarks

# Two upgrades at a time, each on a sandbox of its own; the table is printed at the end.
FAULTS = $(PYTEST) -n 2 --dist worksteal --no-loadscope-reorder

faults: deps ## pytest tests/faults: an upgrade killed at every step, and every kind of fault in every class of steps
	@$(STAGE) 'lock, ten times over' env MONQ_LOCK_ROUNDS=10 $(PYTEST) tests/integration/test_lock.py
	@$(STAGE) faults $(FAULTS) tests/faults/test_chains.py

faults-share: deps ## a share of the faults: every step once, every kind once, the track record
	@$(STAGE) faults-share $(FAULTS) tests/faults/test_share.py

faults-point: deps ## one fault: STEP=… PLACE=before|during|after KIND=… MODULES=pl
	@STEP='$(STEP)' PLACE='$(PLACE)' KIND='$(KIND)' MODULES='$(MODULES)' $(STAGE) faults-point $(PYTEST) tests/faults/test_point.py

docs: deps ## build the documentation as HTML in docs/build/html
	@$(STAGE) docs $(RUN) tests/tools/docs

build: deps ## build the collection's archive and check it with galaxy-importer
	@$(STAGE) build $(RUN) tests/tools/build

clean: ## remove what the targets have left in the tree (caches and the sandbox stay)
	@rm -rf .ansible .pytest_cache .ruff_cache docs/build tests/output
