# The front door. `make help` lists everything; the two that matter are `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := operator api crds charts tests hack bench

##@ Start here

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z][a-z0-9-]*:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Demo

# CLUSTER=auto|kind|local|current and K8S=1.36 as for `make cluster`; with current, the cluster is left as it is.
# DKRON_API_PORT=9000 is the port of the REST API; without it the one of the last time, or 8080, or any.
DEMO_NAME ?= demo
DEMO = PYTHONPATH=hack $(BIN)/python -m demo

.PHONY: demo
demo: venv ## Start a cluster, the operator, the REST API and the examples, and watch
	@$(DEMO) up --name $(DEMO_NAME)

.PHONY: api-url
api-url: venv ## Print the address of the demo's REST API
	@$(DEMO) api-url --name $(DEMO_NAME)

.PHONY: demo-down
demo-down: venv ## Stop the demo and leave nothing behind
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
fmt: venv ## Format the code and mend what ruff can mend
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

.PHONY: lint
lint: venv docs ## Check format, lint, types, import directions, and the site with its links
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: lock
lock: venv ## Resolve the dependencies anew and write requirements/*.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --universal --generate-hashes --no-header --python-version 3.11 -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --extra executors --extra otel --universal --generate-hashes --no-header --python-version 3.11 -c requirements/runtime.txt -o requirements/image.txt
	$(BIN)/uv pip compile --quiet --upgrade pyproject.toml --extra executors --extra otel --group dev --universal --generate-hashes --no-header --python-version 3.11 -c requirements/image.txt -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --upgrade requirements/build.in --universal --generate-hashes --no-header --python-version 3.11 -c requirements/dev.txt -o requirements/build.txt
	$(BIN)/uv pip compile --quiet --upgrade requirements/clients.in --no-deps --universal --generate-hashes --no-header --python-version 3.11 -o requirements/clients.txt

##@ Test

.PHONY: test
test: venv ## All tests: unit, alerts, the chart, then real brokers, control planes and pods; all stages run, and a table ends it
	@$(BIN)/python hack/stages.py

# So many at a time on two cores: unit tests work, cluster tests mostly wait. Each worker has clusters of its own, with
# 1 GiB of memory each. WORKERS=0 is one by one.
WORKERS ?= 2
CLUSTER_WORKERS ?= 4

# RERUNS=1 runs a test once more that has failed for a cause of the environment (tests/conftest.py names them), as on a busy
# machine, and shows it as R. A test of the promise, that nothing is lost and nothing runs twice, never gets that.
RERUNS ?= 0
ATCLUSTER := --dist loadfile --durations 15 --reruns $(RERUNS)

SIMULATED := tests/unit/simulation

.PHONY: test-unit
test-unit: venv ## The unit tests (two minutes, no cluster)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --ignore $(SIMULATED) tests/unit tests/conformance

.PHONY: test-simulation
test-simulation: venv ## The operator in virtual time: five hundred seeds, and mistakes that seeds have to find (three minutes)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(SIMULATED)

# SEEDS=100000 takes an hour and a half on two cores; FIRST=5000 begins there. It stops at the first seed that fails, or at
# the one of FAILURES=20, and says how to see each again.
SEEDS ?= 10000
FIRST ?= 0
FAILURES ?= 1

.PHONY: simulate
simulate: venv ## Simulate the operator on SEEDS seeds, on all cores (five hundred of them are part of make test)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --failures $(FAILURES)

# MUTANT_SEEDS=0 leaves the simulation out, which is most of the time.
MUTANT_SEEDS ?= 1000

.PHONY: mutants
mutants: venv ## Make mistakes in the source of the operator, one by one, and see which tests find each (ten minutes)
	$(BIN)/python -m tests.mutants --seeds $(MUTANT_SEEDS)

.PHONY: test-brokers
test-brokers: venv ## The tests with real message brokers (a minute; Kafka needs Maven and Java, RabbitMQ apt-get)
	@PYTHONPATH=hack $(BIN)/python -m brokers
	$(BIN)/pytest tests/brokers

.PHONY: test-alerts
test-alerts: venv ## The alerts by promtool (seconds; Prometheus is the one on PATH, or unpacked from Debian's package)
	@PYTHONPATH=hack $(BIN)/python -m prometheus
	$(BIN)/pytest tests/alerts

DEATHS := tests/cluster/test_chaos_writes.py

# Tools are built first, so that progress shows and no test waits for a compiler.

.PHONY: test-cluster
test-cluster: venv ## The tests at a real control plane with simulated nodes (minutes)
	@hack/cluster build --nodes kwok
	@PYTHONPATH=hack $(BIN)/python -m prometheus
	$(BIN)/pytest -n $(CLUSTER_WORKERS) $(ATCLUSTER) --no-loadscope-reorder --ignore $(DEATHS) tests/cluster

.PHONY: test-e2e
test-e2e: venv chart-tools ## The tests with a real node and real pods (minutes)
	@hack/cluster build --nodes real
	$(BIN)/pytest -n $(WORKERS) $(ATCLUSTER) tests/e2e

# Two hundred processes die in it, and it wants the machine for itself, so it is no part of `make test`. SCALE=3 has longer
# scenarios; with SIDES=before,after,late some writes arrive when the next operator is already there. FOLDER=… is where the
# files of this and of the storms go, to be looked at afterwards.
SCALE ?= 1
SIDES ?= before,after
FOLDER ?=

.PHONY: chaos-writes
chaos-writes: venv ## Kill the operator before and after each write of eleven scenarios (five minutes)
	@hack/cluster build --nodes kwok
	CHAOS_SCALE=$(SCALE) CHAOS_SIDES=$(SIDES) $(BIN)/pytest $(if $(FOLDER),--basetemp $(FOLDER)) $(DEATHS)

.PHONY: chaos-faults
chaos-faults: venv ## Each class of faults between operator and API server for itself, and a short storm (five minutes)
	@hack/cluster build --nodes kwok
	$(BIN)/pytest -n $(WORKERS) $(ATCLUSTER) tests/cluster/test_chaos_faults.py tests/cluster/test_chaos_storm.py

# The same SEED has the same plan. REPLICAS=1, or SPLIT_BRAIN=1 for operators that all act at once.
DURATION ?= 10m
SEED ?=
REPLICAS ?= 2

.PHONY: chaos
chaos: venv ## A storm of faults for DURATION=10m, judged at the end; SEED=… has one again
	@PYTHONPATH=hack $(BIN)/python -m tests.chaos.storm --duration $(DURATION) --replicas $(REPLICAS) $(if $(SEED),--seed $(SEED)) $(if $(SPLIT_BRAIN),--split-brain) $(if $(FOLDER),--folder $(FOLDER))

# OUTAGE=5m is how long each of the seven lasts.
OUTAGE ?= 5m

.PHONY: chaos-outages
chaos-outages: venv ## An API server that is away, stands still, refuses or is silent for OUTAGE=5m each, judged at the end (45 minutes)
	@PYTHONPATH=hack $(BIN)/python -m tests.chaos.outages --duration $(OUTAGE) $(if $(FOLDER),--folder $(FOLDER))

.PHONY: chaos-cronjobs
chaos-cronjobs: venv ## CronJobs and DkronJobs side by side while both controllers are killed, judged by the same checker (7 minutes)
	@PYTHONPATH=hack $(BIN)/python -m tests.chaos.cronjobs

.PHONY: matrix
matrix: venv ## The cluster tests on the oldest and the newest Kubernetes, or those of MATRIX="1.34 1.35", and their table in docs/support.md (an hour)
	@PYTHONPATH=hack $(BIN)/python hack/matrix.py $(MATRIX)

##@ Cluster

# kind where a Docker engine answers, else a local one; CLUSTER=auto|kind|local|current NODES=none|kwok:5|real K8S=1.36
NAME ?= dkron

.PHONY: cluster
cluster: ## Start a Kubernetes to try things on (NODES=real, kwok:5 or none)
	@hack/cluster up --name $(NAME)

.PHONY: cluster-down
cluster-down: ## Stop it and leave nothing behind
	@hack/cluster down --name $(NAME)

.PHONY: kubeconfig
kubeconfig: ## Print the path of its kubeconfig, or of the demo's if that runs alone: pass it as KUBECONFIG
	@hack/cluster kubeconfig --name $(NAME) $(if $(filter file,$(origin NAME)),--or $(DEMO_NAME))

##@ Image

# With docker, podman or buildah, the first that works, or IMAGE_BUILDER=…; BASE=… is another image to build on, and
# REFRESH=1 fetches it anew. Where no registry can be reached, a base is made from Debian's packages. See docs/image.md.
.PHONY: image
image: venv ## Build the image of all programs, and an archive of it
	@PYTHONPATH=hack $(BIN)/python -m image $(if $(filter 1,$(REFRESH)),--refresh)

.PHONY: load-image
load-image: venv ## Build it and give it to the cluster NAME
	@archive="$$(PYTHONPATH=hack $(BIN)/python -m image)" && hack/cluster load-image --name $(NAME) --archive "$$archive"

.PHONY: pin-base
pin-base: venv ## Pin the image's base in the Dockerfile at the digest that its tag has in the registry now
	@PYTHONPATH=hack $(BIN)/python -m image.pin

##@ Release

# dist/: wheel and source, image, its bill of materials, chart, crds.yaml, notes, SHA256SUMS. It refuses what is not fit to be
# published, unless TRIAL=1; TAG=v1.2.3 has the tag compared with the version. See docs/release.md.
.PHONY: release
release: venv ## Build everything that a release consists of into dist/
	@PYTHONPATH=hack $(BIN)/python -m release $(if $(TAG),--tag $(TAG)) $(if $(filter 1,$(TRIAL)),--trial)

##@ Chart

CHART := charts/dkron-operator

.PHONY: chart-tools
chart-tools: venv ## Build what the chart is checked with: Helm 3 and 4, helm-unittest, kubeconform, helm-docs
	@PYTHONPATH=hack $(BIN)/python -m charttools

.PHONY: lint-chart
lint-chart: chart-tools ## Lint and render the chart with each set of values, and try its rights and refusals
	$(BIN)/pytest -n $(WORKERS) tests/chart

##@ Site

SITE := build/site
DOCSITE = PYTHONPATH=hack $(BIN)/python -m docsite

.PHONY: docs
docs: venv ## Build the site into build/site; each link and anchor in it has to lead somewhere
	@PYTHONPATH=hack $(BIN)/properdocs build
	@$(DOCSITE) check $(SITE)

.PHONY: docs-serve
docs-serve: venv ## Show the site in a browser, and again after each change
	@PYTHONPATH=hack $(BIN)/properdocs serve

.PHONY: docs-external
docs-external: docs ## Ask whether the addresses that the site names elsewhere answer (needs the internet)
	@$(DOCSITE) external $(SITE)

##@ Generate

.PHONY: generate
generate: venv ## Write the version wherever it stands, crds/*.yaml, docs/reference, what follows from them in the chart, the dashboard, and tables in docs
	@PYTHONPATH=hack $(BIN)/python -m release.places
	@$(BIN)/python -m dkron_crds.generate.manifests crds docs/reference $(CHART)/templates/crds
	@$(BIN)/python hack/values_schema.py
	@PYTHONPATH=hack $(BIN)/python hack/chart_readme.py
	@PYTHONPATH=. $(BIN)/python hack/differences.py
	@$(BIN)/python hack/executor_keys.py
	@$(BIN)/python hack/operator_metrics.py
	@PYTHONPATH=hack $(BIN)/python -m dashboard

.PHONY: check-generated
check-generated: venv ## Fail if `make generate` would change a file
	@$(BIN)/python -m dkron_crds.generate.manifests --check crds docs/reference $(CHART)/templates/crds
	@$(BIN)/python hack/values_schema.py --check
	@PYTHONPATH=hack $(BIN)/python hack/chart_readme.py --check
	@PYTHONPATH=. $(BIN)/python hack/differences.py --check
	@$(BIN)/python hack/executor_keys.py --check
	@$(BIN)/python hack/operator_metrics.py --check
	@PYTHONPATH=hack $(BIN)/python -m dashboard --check
	@PYTHONPATH=hack $(BIN)/python -m release.places --check

##@ Data

GO ?= go
GOLDEN := tests/conformance/schedules.jsonl

.PHONY: golden-schedules
golden-schedules: venv ## Ask robfig/cron anew for tests/conformance/schedules.jsonl (needs Go)
	@zones="$$($(BIN)/python -c 'from importlib import resources; print(resources.files("tzdata") / "zoneinfo")')"; \
	set -o pipefail; (cd hack/robfig-golden && ZONEINFO="$$zones" $(GO) run .) | \
	PYTHONPATH=. $(BIN)/python hack/robfig-golden/arbitrate.py > $(GOLDEN).new
	@mv $(GOLDEN).new $(GOLDEN)

##@ Measure

.PHONY: bench
bench: venv ## Lateness beside CronJob and when leaders change, cost of an execution, requests per second of the REST API, cost of schedules, start of executors, cost of a scrape, cost of tracing
	@PYTHONPATH=hack $(BIN)/python bench/same_second.py
	@PYTHONPATH=hack $(BIN)/python bench/handover.py
	@PYTHONPATH=hack $(BIN)/python bench/per_execution.py
	@PYTHONPATH=hack $(BIN)/python bench/inline_calls.py
	@PYTHONPATH=hack $(BIN)/python bench/rest.py
	@$(BIN)/python bench/schedules.py
	@$(BIN)/python bench/executor_start.py
	@$(BIN)/python bench/scrape.py
	@$(BIN)/python bench/tracing.py
