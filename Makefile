# `make help` lists all targets; start with `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := operator api crds lib cli charts tests hack bench

##@ Start here

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Demo

# CLUSTER=auto|kind|local|current and K8S=1.36 as for `make cluster`; `current` uses the cluster as it is.
# DKRON_API_PORT=9000 is the port of the REST API. Default: the port of the last time, else 8080, else any free port.
DEMO_NAME ?= demo
DEMO = PYTHONPATH=hack $(BIN)/python -m demo.cli

.PHONY: demo
demo: venv ## Start a cluster, the operator, the REST API and the examples, and show their state
	@$(DEMO) up --name $(DEMO_NAME)

.PHONY: api-url
api-url: venv ## Print the address of the demo's REST API
	@$(DEMO) api-url --name $(DEMO_NAME)

.PHONY: api-token
api-token: venv ## Print a token for the demo's REST API
	@$(DEMO) api-token --name $(DEMO_NAME)

.PHONY: demo-down
demo-down: venv ## Stop the demo and delete all that it created
	@$(DEMO) down --name $(DEMO_NAME)

##@ Develop

.PHONY: venv
venv: $(VENV)/.complete ## Install the locked dependencies into .venv

$(VENV)/.complete: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=…)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: fmt
fmt: venv ## Format the code and apply ruff's fixes
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

.PHONY: lint
lint: venv docs $(if $(shell command -v npm),$(if $(wildcard ui/package.json),lint-ui)) ## Check format, lint, types, import directions, the words of the prose, the budgets, and the site with its links
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python hack/prose.py
	@PYTHONPATH=hack $(BIN)/python -m budgets

# uv writes each command into its file, where Renovate reads it: options in full, with "=". The clients of others stay at
# their own pins, so Renovate does not touch them.
LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version=3.11

.PHONY: lock
lock: venv ## Resolve the dependencies again and write requirements/*.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(LOCK) --output-file=requirements/runtime.txt pyproject.toml
	$(LOCK) --extra=archive --extra=executors --extra=otel --constraints=requirements/runtime.txt --output-file=requirements/image.txt pyproject.toml
	$(LOCK) --extra=archive --extra=executors --extra=otel --group=dev --constraints=requirements/image.txt --output-file=requirements/dev.txt pyproject.toml
	$(LOCK) --constraints=requirements/runtime.txt --output-file=requirements/cli.txt requirements/cli.in
	$(LOCK) --constraints=requirements/dev.txt --output-file=requirements/build.txt requirements/build.in
	$(LOCK) --constraints=requirements/dev.txt --output-file=requirements/audit.txt requirements/audit.in
	$(LOCK) --no-header --no-deps --output-file=requirements/clients.txt requirements/clients.in

AUDIT := build/audit
AUDITED := $(wildcard requirements/*.txt)

$(AUDIT)/.done: requirements/audit.txt
	@rm -rf $(AUDIT) && $(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	@touch $@

# Not part of `make test`: it asks PyPI and npm what became known since, so its verdict changes without a change of ours. A
# package about which they know nothing fails it, too.
.PHONY: audit
audit: $(AUDIT)/.done ## Look for known vulnerabilities in the locked packages of Python and of the web page (needs PyPI and npm)
	@found=0; \
	$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off $(AUDITED:%=--requirement %) || found=1; \
	($(UI_NODE) cd ui && npm audit --package-lock-only) || found=1; \
	exit $$found

##@ Web page

# The sources are in ui/, the build in api/dkron_api/assets/ui: it is committed, so that only those who change the page need
# Node.js. It comes from PATH, or from PyPI into ~/.cache/dkron-operator; `make lint` leaves the page out where PATH has
# none. DKRON_API=http://127.0.0.1:9000 is the API behind `make ui-dev`; its default is the demo's.
UI_PACKAGES := ui/node_modules/.package-lock.json
UI_BUILD := api/dkron_api/assets/ui
UI_NODE = node="$$(PYTHONPATH=hack $(PYTHON) -m webnode)" && export PATH="$$node:$$PATH" &&

$(UI_PACKAGES): ui/package-lock.json
	$(UI_NODE) cd ui && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: ui
ui: $(UI_PACKAGES) ## Build the web page into the package of the REST API
	$(UI_NODE) cd ui && npm run build

.PHONY: ui-dev
ui-dev: $(UI_PACKAGES) ## Serve the web page from its sources, with the REST API of the demo
	$(UI_NODE) cd ui && DKRON_API=$${DKRON_API:-$$($(DEMO) api-url --name $(DEMO_NAME))} npm run dev

.PHONY: lint-ui
lint-ui: $(UI_PACKAGES) ## Check types, style and tests of the web page, its size, and that its build matches its sources
	$(UI_NODE) cd ui && npm run lint && npm test
	$(UI_NODE) cd ui && UI_BUILD=$$(mktemp -d) && trap 'rm -r "$$UI_BUILD"' EXIT && export UI_BUILD && npm run build && diff -r "$$UI_BUILD" ../$(UI_BUILD)

# The same example at the same moment each time; needs Chromium. FOLDER=… gets each view instead, in light, in dark and as
# on a phone.
.PHONY: ui-pictures
ui-pictures: venv $(UI_PACKAGES) ## Take the pictures of the web page that the documentation shows, or of each view into FOLDER
	@$(UI_NODE) PYTHONPATH=hack $(BIN)/python -m uipictures $(if $(FOLDER),--views $(FOLDER))

##@ Test

.PHONY: test
test: venv ## Run all tests: unit, alerts, chart, real brokers, control planes and pods; all stages run, and a table shows the results
	@$(BIN)/python hack/stages.py

# Parallel tests for two cores: unit tests use the CPU, cluster tests mostly wait. Each worker has its own clusters,
# with 1 GiB of memory each. WORKERS=0 runs one test at a time.
WORKERS ?= 2
CLUSTER_WORKERS ?= 4
E2E_WORKERS ?= 3

# RERUNS=1 repeats a test that failed for a cause of the environment (see tests/conftest.py), such as a busy machine, and
# shows it as R. Tests marked `promise` (nothing is lost, nothing runs twice) are never repeated.
RERUNS ?= 0
ATCLUSTER := --dist loadfile --durations 15 --reruns $(RERUNS)

SIMULATED := tests/unit/simulation
# Each process would load it for its plugin, which only tests/cluster needs.
UNIT := -p no:schemathesis

.PHONY: test-unit
test-unit: venv ## Run the unit tests (a minute, no cluster)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(UNIT) --ignore $(SIMULATED) tests/unit tests/conformance

.PHONY: test-simulation
test-simulation: venv ## Simulate the operator in virtual time: 300 seeds, and mutants that the seeds must find (three minutes)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(UNIT) $(SIMULATED)

# SEEDS=100000 takes five hours on two cores; FIRST=5000 begins at seed 5000. It stops after one failed seed, or
# after FAILURES=20, and prints how to repeat each.
SEEDS ?= 10000
FIRST ?= 0
FAILURES ?= 1

.PHONY: simulate
simulate: venv ## Simulate the operator on SEEDS seeds, on all cores (make test runs 300 of them)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --failures $(FAILURES)

# MUTANT_SEEDS=0 skips the simulation, which takes most of the time.
MUTANT_SEEDS ?= 1000

.PHONY: mutants
mutants: venv ## Put one mistake at a time into the source of the programs, and show which tests find it (half an hour)
	$(BIN)/python -m tests.mutants --seeds $(MUTANT_SEEDS)

.PHONY: test-brokers
test-brokers: venv ## Run the tests with real message brokers (a minute; Kafka needs Maven and Java, RabbitMQ apt-get)
	@PYTHONPATH=hack $(BIN)/python -m localcluster.servers brokers
	$(BIN)/pytest tests/brokers

.PHONY: test-archive
test-archive: venv ## Run the tests of the archive on a real PostgreSQL (half a minute; installed, or Debian's package)
	@PYTHONPATH=hack $(BIN)/python -m localcluster.servers postgresql
	$(BIN)/pytest tests/archive

.PHONY: test-alerts
test-alerts: venv ## Test the alerts with promtool (seconds; Prometheus comes from PATH or from Debian's package)
	@PYTHONPATH=hack $(BIN)/python -m localcluster.servers prometheus
	$(BIN)/pytest tests/alerts

DEATHS := tests/cluster/test_chaos_writes.py
STORM := tests/cluster/test_chaos_storm.py
PAGE := tests/cluster/test_ui.py

# Tools are built first, so that you see the progress and no test waits for a compiler. Where a real node's packages are
# missing and there is no apt-get (exit status 3), pytest leaves out its tests and says so.

.PHONY: test-cluster
test-cluster: venv ## Run the tests on a real control plane with simulated nodes (minutes)
	@hack/cluster build --nodes kwok
	@PYTHONPATH=hack $(BIN)/python -m localcluster.servers prometheus
	@PYTHONPATH=hack $(BIN)/python -m localcluster.servers kueue
	$(BIN)/pytest -n $(CLUSTER_WORKERS) $(ATCLUSTER) --no-loadscope-reorder $(patsubst %,--ignore %,$(DEATHS) $(STORM) $(PAGE)) tests/cluster

# A person waits for the page, so a browser waits for it as long as a person would, whatever else runs: nothing does.
.PHONY: test-page
test-page: venv $(if $(shell command -v npm),$(if $(wildcard ui/package.json),$(UI_PACKAGES))) ## Try the web page in a browser, with the machine for itself (a minute)
	@hack/cluster build --nodes none
	RERUNS=$(RERUNS) $(BIN)/pytest $(PAGE)

# It judges how late each run began, so nothing else runs beside it.
.PHONY: test-storm
test-storm: venv ## Run a short storm of faults on a real control plane, with the machine for itself (three minutes)
	@hack/cluster build --nodes kwok
	$(BIN)/pytest $(STORM)

.PHONY: test-e2e
test-e2e: venv chart-tools ## Run the tests with a real node and real pods (minutes)
	@hack/cluster build --nodes real || test $$? -eq 3
	$(BIN)/pytest -n $(E2E_WORKERS) $(ATCLUSTER) tests/e2e

.PHONY: test-cert-manager
test-cert-manager: venv chart-tools ## Have cert-manager issue and renew the chart's certificate (the first time it is built, which takes minutes)
	@hack/cluster build --nodes none
	@PYTHONPATH=hack $(BIN)/python -m localcluster.servers cert-manager
	$(BIN)/pytest tests/certmanager

# It kills a hundred processes and needs the machine for itself, so it is not part of `make test`. SCALE=3 makes the
# scenarios longer; with SIDES=before,after,late some writes arrive when the next operator already runs. FOLDER=… keeps the
# histories of this and of the storms.
SCALE ?= 1
SIDES ?= before,after
FOLDER ?=

.PHONY: chaos-writes
chaos-writes: venv ## Kill the operator before and after each write of four scenarios (up to seven minutes)
	@hack/cluster build --nodes kwok
	CHAOS_SCALE=$(SCALE) CHAOS_SIDES=$(SIDES) $(BIN)/pytest $(if $(FOLDER),--basetemp $(FOLDER)) $(DEATHS)

# The same SEED gives the same plan. REPLICAS=1 runs one operator; with SPLIT_BRAIN=1 all operators act at once.
DURATION ?= 10m
SEED ?=
REPLICAS ?= 2

.PHONY: chaos
chaos: venv ## Run a storm of faults for DURATION=10m and check the history at the end; SEED=… repeats a storm
	@PYTHONPATH=hack $(BIN)/python -m tests.chaos.storm --duration $(DURATION) --replicas $(REPLICAS) $(if $(SEED),--seed $(SEED)) $(if $(SPLIT_BRAIN),--split-brain) $(if $(FOLDER),--folder $(FOLDER))

# OUTAGE=5m is the length of each of the seven outages.
OUTAGE ?= 5m

.PHONY: chaos-outages
chaos-outages: venv ## Stop, freeze, block or silence the API server for OUTAGE=5m each, and check the history at the end (45 minutes)
	@PYTHONPATH=hack $(BIN)/python -m tests.chaos.outages --duration $(OUTAGE) $(if $(FOLDER),--folder $(FOLDER))

.PHONY: chaos-cronjobs
chaos-cronjobs: venv ## Kill both controllers while CronJobs and DkronJobs run side by side; one checker judges both (7 minutes)
	@PYTHONPATH=hack $(BIN)/python -m tests.chaos.cronjobs

.PHONY: matrix
matrix: venv ## Run the cluster tests on the oldest and the newest Kubernetes, or MATRIX="1.34 1.35", and write docs/support.md (an hour)
	@PYTHONPATH=hack $(BIN)/python hack/matrix.py $(MATRIX)

##@ Cluster

# A kind cluster if a Docker engine answers, else a local one; CLUSTER=auto|kind|local|current NODES=none|kwok:5|real K8S=1.36
NAME ?= dkron

.PHONY: cluster
cluster: ## Start a Kubernetes cluster (NODES=real, kwok:5 or none)
	@hack/cluster up --name $(NAME)

.PHONY: cluster-down
cluster-down: ## Stop the cluster and delete all that it created
	@hack/cluster down --name $(NAME)

.PHONY: kubeconfig
kubeconfig: ## Print the path of the cluster's kubeconfig, or of the demo's if only that runs; use it as KUBECONFIG
	@hack/cluster kubeconfig --name $(NAME) $(if $(filter file,$(origin NAME)),--or $(DEMO_NAME))

##@ Image

# Uses the first of docker, podman and buildah that works, or IMAGE_BUILDER=…. BASE=… is another base image, and
# REFRESH=1 pulls it again. Without a registry, a base is made from Debian's packages. See docs/image.md.
.PHONY: image
image: venv ## Build the image of all programs and its archive
	@PYTHONPATH=hack $(BIN)/python -m image.cli $(if $(filter 1,$(REFRESH)),--refresh)

.PHONY: load-image
load-image: venv ## Build the image and load it into the cluster NAME
	@archive="$$(PYTHONPATH=hack $(BIN)/python -m image.cli)" && hack/cluster load-image --name $(NAME) --archive "$$archive"

.PHONY: pin-base
pin-base: venv ## Pin the image's base in the Dockerfile at the current digest of its tag
	@PYTHONPATH=hack $(BIN)/python -m image.pin

##@ Release

# dist/: wheel and source, dkronctl for each platform, krew manifest, image, its bill of materials, chart, crds.yaml, notes, SHA256SUMS. It fails for a checkout that
# must not be published, unless TRIAL=1; TAG=v1.2.3 is compared with the version. See docs/release.md.
.PHONY: release
release: venv ## Build all files of a release into dist/
	@PYTHONPATH=hack $(BIN)/python -m release.cli $(if $(TAG),--tag $(TAG)) $(if $(filter 1,$(TRIAL)),--trial)

##@ Chart

CHART := charts/dkron-operator

.PHONY: chart-tools
chart-tools: venv ## Build the tools that check the chart: Helm 3 and 4, helm-unittest, kubeconform, helm-docs
	@PYTHONPATH=hack $(BIN)/python -m charttools.schemas

.PHONY: lint-chart
lint-chart: chart-tools ## Lint and render the chart with each set of values, and test its RBAC and its validation
	$(BIN)/pytest -n $(WORKERS) tests/chart

##@ Site

SITE := build/site
DOCSITE = PYTHONPATH=hack $(BIN)/python -m docsite

.PHONY: docs
docs: venv ## Build the site into build/site, and check its links and anchors
	@PYTHONPATH=hack $(BIN)/properdocs build
	@$(DOCSITE) check $(SITE)

.PHONY: docs-serve
docs-serve: venv ## Serve the site and rebuild it after each change
	@PYTHONPATH=hack $(BIN)/properdocs serve

.PHONY: docs-external
docs-external: docs ## Check the site's external links (needs the internet)
	@$(DOCSITE) external $(SITE)

##@ Generate

.PHONY: generate
generate: venv ## Generate the version in all files, crds/*.yaml, docs/reference, docs/schemas, parts of the chart, and tables in docs
	@$(BIN)/python -m dkron_crds.generate.manifests crds docs/reference $(CHART)/templates/crds
	@PYTHONPATH=hack:. $(BIN)/python -m generate

.PHONY: check-generated
check-generated: venv ## Fail if `make generate` would change a file
	@$(BIN)/python -m dkron_crds.generate.manifests --check crds docs/reference $(CHART)/templates/crds
	@PYTHONPATH=hack:. $(BIN)/python -m generate --check

##@ Data

GO ?= go
GOLDEN := tests/conformance/schedules.jsonl

.PHONY: golden-schedules
golden-schedules: venv ## Generate tests/conformance/schedules.jsonl with robfig/cron (needs Go)
	@zones="$$($(BIN)/python -c 'from importlib import resources; print(resources.files("tzdata") / "zoneinfo")')"; \
	set -o pipefail; (cd hack/robfig-golden && ZONEINFO="$$zones" $(GO) run .) | \
	PYTHONPATH=. $(BIN)/python hack/robfig-golden/arbitrate.py > $(GOLDEN).new
	@mv $(GOLDEN).new $(GOLDEN)

##@ Measure

.PHONY: bench
bench: venv ## Measure lateness compared with CronJob, beside a noisy namespace, beside long templates and at leader changes, cost per execution, REST requests per second, and cost of schedules, executor start, start of dkronctl, scrapes, overviews, tracing and an archive
	@PYTHONPATH=hack $(BIN)/python bench/same_second.py
	@PYTHONPATH=hack $(BIN)/python bench/tenants.py
	@PYTHONPATH=hack $(BIN)/python bench/big_specs.py
	@PYTHONPATH=hack $(BIN)/python bench/forged_jobs.py
	@PYTHONPATH=hack $(BIN)/python bench/handover.py
	@PYTHONPATH=hack $(BIN)/python bench/per_execution.py
	@PYTHONPATH=hack $(BIN)/python bench/inline_calls.py
	@PYTHONPATH=hack $(BIN)/python bench/rest.py
	@PYTHONPATH=hack $(BIN)/python bench/rest_auth.py
	@PYTHONPATH=hack $(BIN)/python bench/namespaces.py
	@$(BIN)/python bench/schedules.py
	@$(BIN)/python bench/executor_start.py
	@$(BIN)/python bench/cli_start.py
	@$(BIN)/python bench/scrape.py
	@$(BIN)/python bench/summary.py
	@$(BIN)/python bench/tracing.py
	@PYTHONPATH=hack $(BIN)/python bench/archive.py --rows 100000

# ROUNDS=5 measures each version five times. The exit status is 1 if a figure got worse.
ROUNDS ?= 3

.PHONY: bench-compare
bench-compare: venv ## Compare the main figures of the working tree with the figures of BASE=<commit>, in turns (ten minutes for each of three ROUNDS)
	@PYTHONPATH=hack $(BIN)/python bench/compare.py $(or $(BASE),$(error BASE=<commit> names what the working tree is compared with)) --rounds $(ROUNDS)
