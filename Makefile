# `make help` says what there is. Everything that is built or started lives under target/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

CARGO ?= cargo
CARGO_DENY_VERSION := 0.20.2
CARGO_MACHETE_VERSION := 0.9.2
VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -1)
IMAGE ?= ghcr.io/aicore-registry/aicore-registry-operator
PLATFORMS ?= linux/$(subst aarch64,arm64,$(subst x86_64,amd64,$(shell uname -m)))
TOOLS := $(CURDIR)/target/tools
CHECKOV_VERSION := 3.3.30
CHECKOV := $(TOOLS)/checkov-$(CHECKOV_VERSION)/bin/checkov
DENY := $(TOOLS)/bin/cargo-deny
MACHETE := $(TOOLS)/bin/cargo-machete
OLDER_MINORS := $(sort $(notdir $(patsubst %/go.mod,%,$(wildcard tests/testbed/controlplane/*/go.mod))))
TESTBED := $(CARGO) run --quiet -p testbed --bin testbed --
CRDS := crds/aicoreregistrysecrets.aicore-registry.dev.yaml crds/aicoretenants.aicore-registry.dev.yaml

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make TARGET\n"} /^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Show a rotation on a real API server with a simulated AI Core (KEEP=1: leave it running; KUBECONFIG=file: use that cluster)
	@$(CARGO) build --workspace --bins
	exec target/debug/testbed demo $(if $(KEEP),--keep)

.PHONY: test
test: ## Run all tests: unit, simulator, and integration on a real control plane
	@$(CARGO) build --workspace --bins
	mkdir -p target
	# Built now, and not beside running tests.
	target/debug/testbed tools > /dev/null
	target/debug/testbed helm > /dev/null
	target/debug/testbed distribution > /dev/null
	target/debug/testbed run --controller-manager -- $(CARGO) test --workspace --no-fail-fast $(TEST_ARGS) 2>&1 | tee target/test.log \
	  && failed=0 || failed=1
	awk -f tests/summary.awk target/test.log
	exit $$failed

.PHONY: test-integration
test-integration: ## Run the integration tests alone (K8S=1.35|1.36|1.37: on that Kubernetes minor; the newest without)
	@$(CARGO) build --workspace --bins
	target/debug/testbed run --controller-manager -- $(CARGO) test --test integration --no-fail-fast $(TEST_ARGS)

# Slow: each older minor is built once, in 4 to 6 minutes, two release builds with link-time optimisation take as long each, and the
# linter of manifests installs some 300 MB of Python.
.PHONY: test-all
test-all: test image-check chart-lint ## Run make test, and what it leaves out: the Dockerfile's image in pods, older Kubernetes minors, the linter of manifests
	@for minor in $(OLDER_MINORS); do
	  K8S=$$minor $(MAKE) test-integration
	done
	CARGO="$(CARGO)" tests/node/run.sh --optional

.PHONY: test-unit
test-unit: ## Run the tests that need no control plane
	@$(CARGO) test --lib

# The first time the node's programs and the image are built, in a quarter of an hour on two cores. Where a program must tell a machine
# that cannot have a node (code 77) from a failure, it runs the script itself: make ends with 2 for both.
.PHONY: node-test
node-test: ## Run the operator as users do: its image, in pods, on a node (Linux, root; SCENARIO=drain: those with that in their names)
	@CARGO="$(CARGO)" tests/node/run.sh $(SCENARIO) $(TEST_ARGS)

# The first time Argo CD is built, in a quarter of an hour on two cores. As with node-test, the script tells by code 77 that it cannot be.
.PHONY: argocd-test
argocd-test: ## Judge resources in Git by a real Argo CD with the files of deploy/argocd (needs Redis and Git; SCENARIO=health)
	@CARGO="$(CARGO)" tests/argocd/run.sh $(SCENARIO) $(TEST_ARGS)

.PHONY: chaos
chaos: ## Let a random adversary play with the operator, and judge it (MINUTES=60; CHAOS_SEED=7: repeat that seed first; LANES=2: two at a time)
	@$(CARGO) build --workspace --bins
	CHAOS_MINUTES=$(or $(MINUTES),60) CHAOS_LANES=$(or $(LANES),1) $(CARGO) test --workspace --test chaos -- --ignored --nocapture a_long_run

.PHONY: soak
soak: ## Rotate credentials fifty times a second for an hour, and see that nothing is lost and nothing grows (MINUTES=60)
	@$(CARGO) build --release --package aicore-registry-operator --bin aicore-registry-operator
	$(CARGO) build --workspace --bins
	CHAOS_OPERATOR=$(CURDIR)/target/release/aicore-registry-operator CHAOS_MINUTES=$(or $(MINUTES),60) \
	  $(CARGO) test --workspace --test chaos -- --ignored --nocapture a_long_soak

.PHONY: chaos-mutants
chaos-mutants: ## Show that chaos finds broken operators: each patch of tests/chaos/mutants, ten minutes at most (MINUTES)
	@$(CARGO) build --workspace --bins
	tests/chaos/mutants/run.sh

.PHONY: fuzz
fuzz: ## Fuzz what reads untrusted input (TARGET=docker_config, all without; EXECUTIONS=10000000 of each; SEED=1)
	@FUZZ_EXECUTIONS=$(or $(EXECUTIONS),10000000) $(if $(SEED),FUZZ_SEED=$(SEED)) \
	  $(CARGO) test --profile quick --workspace --lib -- --test-threads 1 --nocapture fuzz::$(TARGET)

.PHONY: model
model: ## Go through the decisions in all orders of events, in larger worlds than make test does
	@$(CARGO) test --profile quick --workspace --lib -- --ignored --test-threads 1 --nocapture model::

.PHONY: bench
bench: ## Run the benchmarks: beside a program that does the least possible, and beside neighbours (SCENARIOS and sizes: docs/performance.md)
	@$(CARGO) build --release --package aicore-registry-operator --bin aicore-registry-operator --package bench --bin floor
	$(CARGO) build --profile quick --package bench --bin bench --package testbed --bin testbed
	PROGRAMS=target/release target/quick/bench

.PHONY: bench-publish
bench-publish: ## Put the tables and plots of the last make bench into docs/performance.md
	@target/quick/bench publish

.PHONY: check
check: fmt-check lint deny unused advisories generated-check workflows ## Check formatting, lints, dependencies and generated files

.PHONY: fmt
fmt: ## Format the code
	@$(CARGO) fmt --all

.PHONY: fmt-check
fmt-check:
	@$(CARGO) fmt --all --check

.PHONY: lint
lint: ## Run clippy with warnings denied
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

.PHONY: workflows
workflows: ## Check the GitHub workflows (builds actionlint in a few seconds, once)
	@cd .github/tools && GOWORK=off go tool actionlint -shellcheck= -pyflakes= ../workflows/*.yml

.PHONY: deny
deny: $(DENY) ## Check licences, sources and duplicates of dependencies
	@$(DENY) --workspace check bans licenses sources

.PHONY: unused
unused: $(MACHETE) ## Check for dependencies that are not used
	@$(MACHETE) --skip-target-dir

$(MACHETE):
	@echo "building cargo-machete $(CARGO_MACHETE_VERSION), which takes one to two minutes once" >&2
	CARGO_TARGET_DIR=$(TOOLS)/build-machete $(CARGO) install cargo-machete --version $(CARGO_MACHETE_VERSION) --locked --root $(TOOLS) --quiet
	rm -rf $(TOOLS)/build-machete

# A database that cannot be fetched is no finding: `make check` goes on, and with REQUIRED=1 it is an error.
.PHONY: advisories
advisories: $(DENY) ## Check dependencies for known vulnerabilities, where the database can be had (REQUIRED=1: else fail)
	@if "$(DENY)" fetch db; then
	  "$(DENY)" --workspace check --disable-fetch advisories
	elif [ -n "$(REQUIRED)" ]; then
	  echo "the advisory database could not be fetched, so the dependencies are not checked" >&2
	  exit 1
	else
	  echo "skipped: the advisory database could not be fetched, so the dependencies are not checked for known vulnerabilities" >&2
	fi

$(DENY):
	@echo "building cargo-deny $(CARGO_DENY_VERSION), which takes some minutes once" >&2
	CARGO_TARGET_DIR=$(TOOLS)/build $(CARGO) install cargo-deny --version $(CARGO_DENY_VERSION) --locked --root $(TOOLS) --quiet
	rm -rf $(TOOLS)/build

.PHONY: crd
crd: ## Generate crds/ and the chart's CRDs from the Rust types
	@mkdir -p target
	$(CARGO) run --quiet -- crd > target/crds.yaml
	awk -v names="$(CRDS)" 'BEGIN { split(names, name, " "); n = 1 } /^---$$/ { n++; next } { print > name[n] }' target/crds.yaml
	$(TESTBED) packaging --write crd

.PHONY: chart
chart: ## Generate the chart's README, and its copies of rules and dashboard
	@$(TESTBED) packaging --write chart

.PHONY: deploy
deploy: ## Render the kustomizations in deploy/ from the chart (builds helm, 3 minutes, once)
	@$(TESTBED) packaging --write deploy

.PHONY: reference
reference: ## Generate docs/reference.md from the CRD
	@WRITE_REFERENCE=1 $(CARGO) test --quiet --test integration reference::

.PHONY: recorded
recorded: ## Record the objects of deploy/argocd again, and make its ConfigMap from the Lua files
	@$(CARGO) build --workspace --bins
	WRITE_RECORDED=1 target/debug/testbed run -- $(CARGO) test --quiet --test integration -- recorded:: argocd::the_config_map

.PHONY: recording
recording: ## Record make demo for the README again (docs/demo)
	@$(CARGO) build --workspace --bins
	target/debug/testbed record

.PHONY: fixtures
fixtures: ## Record objects as this version writes them, for the tests of later versions (before a release)
	@$(CARGO) build --workspace --bins
	WRITE_FIXTURES=1 target/debug/testbed run -- $(CARGO) test --quiet --test integration -- upgrade::the_objects_that_this_version_writes

.PHONY: generated-check
generated-check: ## Fail if a generated file differs from what the code generates
	@$(CARGO) run --quiet -- crd | diff -u <(awk 'FNR == 1 && NR > 1 { print "---" } { print }' $(CRDS)) - \
	  || { echo "crds/ is not what the code says: run make crd" >&2; exit 1; }
	$(TESTBED) packaging

.PHONY: image
image: ## Build the container image with docker buildx (PLATFORMS=linux/amd64,linux/arm64 PUSH=1 IMAGE=registry/name: publish)
	@docker buildx build --platform $(PLATFORMS) --tag $(IMAGE):$(VERSION) --build-arg VERSION=$(VERSION) \
	  --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git log -1 --format=%cI) \
	  $(if $(RUST_IMAGE),--build-arg RUST_IMAGE=$(RUST_IMAGE)) $(if $(RUNTIME_IMAGE),--build-arg RUNTIME_IMAGE=$(RUNTIME_IMAGE)) \
	  $(if $(PUSH),--push,--load) .

.PHONY: image-check
image-check: ## Build the image's binary in a clean folder and check it, without a container engine (some minutes)
	@deploy/image/check.sh

.PHONY: chart-lint
chart-lint: $(CHECKOV) ## Check the chart with helm lint and checkov (charts/checkov.yaml says what is left out, and why)
	@helm=$$($(TESTBED) helm)
	rendered=target/chart-lint
	rm -rf $$rendered && mkdir -p $$rendered/release $$rendered/test
	chart=(aicore-registry-operator charts/aicore-registry-operator --namespace aicore-registry-system)
	for values in deploy/values/*.yaml; do
	  "$$helm" lint --strict --quiet charts/aicore-registry-operator --values "$$values"
	  "$$helm" template "$${chart[@]}" --skip-tests --values "$$values" --set networkPolicy.enabled=true \
	      --set-json 'networkPolicy.metricsFrom=[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]' \
	    > "$$rendered/release/$$(basename "$$values")"
	done
	"$$helm" template "$${chart[@]}" --show-only templates/tests/pod.yaml > $$rendered/test/pod.yaml
	$(CHECKOV) --config-file charts/checkov.yaml --directory $$rendered/release
	$(CHECKOV) --config-file charts/checkov-test.yaml --directory $$rendered/test

$(CHECKOV):
	@python3 -m venv $(TOOLS)/checkov-$(CHECKOV_VERSION)
	$(TOOLS)/checkov-$(CHECKOV_VERSION)/bin/pip install --quiet --disable-pip-version-check checkov==$(CHECKOV_VERSION)

.PHONY: controlplane
controlplane: ## Build etcd, kube-apiserver and kubectl (4 to 6 minutes, once; K8S=1.36: of that minor)
	@$(TESTBED) assets
