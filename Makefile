# Everything a developer or CI runs. Each target installs what it needs and can be run twice.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PYTHONDONTWRITEBYTECODE := 1
# how many tests run side by side: without a cluster each keeps a core busy, the others wait, those on pods most
UNIT_WORKERS ?= 2
WORKERS ?= 3
POD_WORKERS ?= 3
# the tests that pytest has rewritten are kept, which saves each worker some seconds
TEST := env -u PYTHONDONTWRITEBYTECODE
# the cluster brings its own kubectl, for machines without one
export PATH := $(CURDIR)/.cluster/bin:$(PATH)

.PHONY: help venv crds assets lint docs format unit test e2e bench compatibility cluster cluster-down images release demo example example-shell pictures clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

venv: $(STAMP) ## .venv with the product and the development tools

$(STAMP): pyproject.toml constraints.txt
	@echo "== environment: installing the pinned packages into $(VENV) (about a minute when nothing is cached)"
	$(PYTHON) hack/ensure_python.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/pip install --quiet --disable-pip-version-check "$$(grep '^uv==' constraints.txt)"
	# compiled once: nothing is written later (PYTHONDONTWRITEBYTECODE), and the tests start Python hundreds of times
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[training,statistics,dashboard,docs,notify,dev]'
	touch $@

crds: venv ## write what is generated: crds/, reference, install.yaml, PrometheusRule, argocd-cm.yaml
	$(BIN)/python -m hack.derived
	$(BIN)/python -m modelalias.api.crds
	$(BIN)/python -m modelalias.api.reference
	$(BIN)/python -m hack.reference_pages
	$(BIN)/python -m hack.diagrams
	kubectl kustomize manifests/base > manifests/install.yaml.new
	mv manifests/install.yaml.new manifests/install.yaml
	$(BIN)/python -m hack.chart

assets: venv ## fetch the files of others that the pages carry, and check them (hack/assets)
	$(BIN)/python -m hack.assets

format: venv ## format the code and fix what ruff can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: venv ## ruff, mypy strict, import contracts, generated files, pipelines, the site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy operator/modelalias training hack tests .github/actions/promote
	$(BIN)/lint-imports
	$(BIN)/python -m hack.chart --check
	$(BIN)/python -m modelalias.api.crds --check
	$(BIN)/python -m modelalias.api.reference --check
	$(BIN)/python -m hack.derived --check
	$(BIN)/python -m hack.release check
	$(BIN)/python -m hack.reference_pages --check
	$(BIN)/python -m hack.diagrams --check
	$(BIN)/python -m hack.bench --check
	$(BIN)/python -m hack.pipelines
	$(MAKE) --no-print-directory docs

docs: venv ## the documentation as a site, build/docs/index.html; whatever does not fit together ends it
	$(BIN)/python -m sphinx --quiet --nitpicky --fail-on-warning --conf-dir docs . build/docs

cluster: ## a local Kubernetes, kubeconfig at .cluster/kubeconfig
	$(PYTHON) -m hack.cluster up

cluster-down: ## end it and leave nothing behind
	$(PYTHON) -m hack.cluster down

images: ## operator and serving images as archives in .cluster/images
	$(PYTHON) -m hack.images build

release: venv ## commit VERSION=x.y.z and build what is published into build/release; IMAGES=1 the images too
	$(BIN)/python -m hack.release make "$(VERSION)" $(if $(IMAGES),--images)

unit: venv ## the tests that need neither a cluster nor a registry
	$(TEST) $(BIN)/pytest -n $(UNIT_WORKERS) tests/unit

test: venv ## all tests that this machine can run; says what it left out and why
	$(TEST) PYTHON=$(PYTHON) UNIT_WORKERS=$(UNIT_WORKERS) WORKERS=$(WORKERS) POD_WORKERS=$(POD_WORKERS) .ci/test

e2e: venv ## the demo's story on real pods with the operator's image
	$(PYTHON) -m hack.cluster up
	$(TEST) $(BIN)/pytest tests/e2e

demo: ## from nothing to the main job, told while it happens; ONCE=1 leaves at the end
	ONCE=$(ONCE) $(PYTHON) -m hack.demo

example: venv ## run an example's README, NAME=churn; examples/README.md lists them
	$(BIN)/python -m hack.example run $(NAME)

example-shell: ## print what gives your shell an example's environment, NAME=churn; KEEP=1 keeps what a run left
	@$(MAKE) --no-print-directory venv >&2
	@KEEP=$(KEEP) $(BIN)/python -m hack.example shell $(NAME)

bench: venv ## all benchmarks in full size, which takes hours, and docs/benchmarks.md with their figures
	$(PYTHON) -m hack.cluster up
	$(BIN)/python -m tests.bench --full --into docs/benchmarks
	$(BIN)/python -m hack.bench

compatibility: venv ## the contract suite on older MLflow servers and other databases, into docs/compatibility.md
	$(TEST) $(BIN)/python -m hack.compatibility $(SERVERS)

pictures: venv ## docs/pictures: the pages in light and dark, taken in Chromium
	$(PYTHON) -m hack.cluster up
	$(BIN)/python -m tests.pictures

clean: cluster-down ## remove the environment and the cluster; the caches outside the tree stay
	rm -rf $(VENV) .cluster build/docs
