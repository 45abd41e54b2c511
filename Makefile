# Every target runs on the Node that package.json pins: node_modules/.bin comes first in PATH.
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# Tests start hundreds of processes; each is ready sooner when the code that they load is compiled already.
export NODE_COMPILE_CACHE := $(CURDIR)/.cache/compile

STATE ?= data
MANIFESTS ?= docs/examples/quickstart
FLEET ?= docs/examples/fleet.yaml
SOAK ?= 10m
# Real processes on a machine that is never quite quiet: where nobody watches, what failed is tried once more. Tests of loss say `retry: 0`.
RETRY := $(if $(filter true,$(CI)),--retry=1)
DOMAINS ?= 10000
TENANTS ?= 1000
REST ?= 10m

.PHONY: help demo up test verify generate bench bench-operator soak clean

help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

demo: node_modules/.stamp ## Show it working: two YAML files, one signed message delivered, on loopback only
	@node test/demo/main.ts

up: node_modules/.stamp ## Keep it running on this machine (MANIFESTS=, STATE=, FLEET=)
	@node cli/main.ts up --manifests $(MANIFESTS) --state $(STATE) --fleet $(FLEET)

test: node_modules/.stamp ## Run every test; sets up what they need
	@bash test/setup/all.sh
	@mkdir -p .cache
	@rm -f .cache/test-report.json
	@vitest run $(RETRY) --reporter=default --reporter=json --outputFile=.cache/test-report.json; passed=$$?; \
	node test/setup/summaries.ts .cache/test-report.json; exit $$passed

verify: node_modules/.stamp ## Regenerate, format, lint and type-check; fail if the tree changed
	@before=$$(test/setup/tree-hash.sh) && \
	npm run --silent generate && oxfmt . >/dev/null && \
	if [ "$$before" != "$$(test/setup/tree-hash.sh)" ]; then \
	  echo "verify: the tree changed; commit what generate and oxfmt wrote:" >&2; git status --short >&2; exit 1; fi
	@oxlint --type-aware --deny-warnings
	@tsc --noEmit -p .
	@echo "verify: clean"

generate: node_modules/.stamp ## Write what is generated: CRD YAML, chart, install.yaml, schemas, references
	@npm run --silent generate

bench: node_modules/.stamp ## Measure accepting, signing and delivering, with the raw limits of the machine
	@node test/bench/main.ts

bench-operator: node_modules/.stamp ## Measure the operator with many domains on a real API server (DOMAINS=10000, TENANTS=1000, REST=10m)
	@bash test/setup/controlplane.sh >/dev/null
	@node test/bench/operator/main.ts --domains $(DOMAINS) --tenants $(TENANTS) --rest $(REST)

soak: node_modules/.stamp ## Four relays on one Redis under load and trouble; then what came of it (SOAK=10m, SEED=)
	@bash test/setup/redis.sh >/dev/null
	@node test/soak/main.ts --length $(SOAK) $(if $(SEED),--seed $(SEED))

clean: ## Remove what can be made again: node_modules, dist, caches; data/ with its keys and mail stays
	@rm -rf node_modules dist .cache

node_modules/.stamp: package.json package-lock.json
	@echo "installing packages (once) ..." >&2
	@npm install --no-audit --no-fund --loglevel=error >&2
	@touch $@
