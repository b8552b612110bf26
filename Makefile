# `make help` lists the targets. Tools are pinned here and installed into .tools.
GOLANGCI_LINT_VERSION := v2.15.0

SHELL     := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

TOOLS         := $(CURDIR)/.tools
GOLANGCI_LINT := $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION)
WABT          := engine/wasmhost/testdata/node_modules/.package-lock.json

BENCH     ?= .
BENCHTIME ?= 1s
FUZZTIME  ?= 20s
SWAPS     ?= 100
EVENTS    ?= 2000
SCALE     ?= 1000000
SEEDS     ?= 10000
FIRST     ?= 0
SEED      ?=
TIMEOUT   ?= 15m
ROBUSTNESS ?= 10m
ARGS      ?=
NAME      ?=

# CI may not skip what a developer's machine may lack.
TEST_ENV := $(if $(CI),REQUIRE_TOOLCHAINS=1)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/credence
	CGO_ENABLED=0 go build -trimpath -o bin/credence ./cmd/credence

.PHONY: toolchains
toolchains: ## install the compilers of the examples that are missing (Debian 12, as root)
	bash examples/toolchains.sh

.PHONY: examples
examples: ## build the example modules into examples/build (NAME=c-vendor-token builds one)
	$(TEST_ENV) bash examples/build.sh $(NAME)

.PHONY: demo
demo: build examples ## build, start a server and walk through the main job (DEMO_EXIT=1 ends instead of serving on)
	go run ./cmd/credence/demo bin/credence examples/build/go-batch-allowlist.wasm

.PHONY: run
run: build ## build and serve (ARGS="--listen :8080" adds flags)
	./bin/credence serve $(ARGS)

.PHONY: prerequisites
prerequisites:
	@for tool in go gcc git node npm; do \
	  command -v $$tool >/dev/null || { echo "the tests need $$tool: install it (apt-get install golang gcc git nodejs npm) and try again" >&2; exit 1; }; \
	done

# The text form of WebAssembly, in which the test modules are written, is
# assembled by wabt.
$(WABT): engine/wasmhost/testdata/package-lock.json
	cd engine/wasmhost/testdata && npm ci --no-audit --no-fund
	@touch $@

.PHONY: test
test: prerequisites $(WABT) examples ## install what the tests need and run them all, with the race detector
	$(TEST_ENV) go test -race -timeout $(TIMEOUT) ./...

.PHONY: test-timing
test-timing: prerequisites $(WABT) ## run the sandbox's tests without the race detector, with those of latency and pauses that it would distort
	$(TEST_ENV) go test -timeout $(TIMEOUT) ./engine/wasmhost/...

.PHONY: check
check: prerequisites $(GOLANGCI_LINT) ## lint, format, vet, tidy, generated code; ends on a clean diff
	$(GOLANGCI_LINT) fmt --diff ./...
	go mod tidy -diff
	cd engine/wasmhost/peers && go mod tidy -diff
	go vet ./...
	GOOS=wasip1 GOARCH=wasm go vet ./wasmabi/... ./examples/...
	$(GOLANGCI_LINT) run ./...
	go generate ./...
	@git diff --exit-code || { echo "the tree differs from what is committed or staged (see above): generated files are old, or you have changes to commit" >&2; exit 1; }

.PHONY: fix
fix: $(GOLANGCI_LINT) ## format, tidy and repair what the linters can repair
	go mod tidy
	cd engine/wasmhost/peers && go mod tidy
	$(GOLANGCI_LINT) fmt ./...
	$(GOLANGCI_LINT) run --fix ./...

.PHONY: bench
bench: prerequisites $(WABT) examples ## run the benchmarks (BENCH=regexp BENCHTIME=1s)
	go test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -timeout $(TIMEOUT) \
	  $$(grep -rl --include='*_test.go' --exclude-dir=node_modules --exclude-dir=peers '^func Benchmark' . | xargs -r -n1 dirname | sort -u)
	@$(MAKE) bench-peers

.PHONY: bench-peers
bench-peers: ## measure other plug-in systems beside ours; they have a Go module of their own
	cd engine/wasmhost/peers && go test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCHTIME) -timeout $(TIMEOUT) .

.PHONY: events
events: prerequisites $(WABT) ## revoke EVENTS times, and print how soon a gateway of another node is told
	CREDENCE_E2E_EVENTS=$(EVENTS) go test -count 1 -v -run ReachesAGateway -timeout $(TIMEOUT) ./cmd/credence/e2e

.PHONY: swap
swap: prerequisites $(WABT) ## replace a module SWAPS times on three nodes under load, and print figures
	SWAPS=$(SWAPS) go test -count 1 -v -run 'Swaps|GoModuleServes|Killed' -timeout $(TIMEOUT) ./cmd/credence/e2e

# Each processor lives through its share of the seeds with one thread, so that
# a seed goes the same way each time.
.PHONY: simulate
simulate: ## live through SEEDS seeds of three nodes in simulated time (FIRST=n begins there, SEED=n replays one)
	@go test -c -o bin/simulation.test ./cmd/credence/simulation
	@cd cmd/credence/simulation; export GOMAXPROCS=1 GOGC=400; run=(../../../bin/simulation.test -test.v -test.timeout $(TIMEOUT)); \
	if [[ -n "$(SEED)" ]]; then SEED=$(SEED) "$${run[@]}" -test.run Invariants; exit; fi; \
	each=$$(( ($(SEEDS) + $$(nproc) - 1) / $$(nproc) )); shares=(); failed=0; \
	for i in $$(seq 0 $$(( $$(nproc) - 1 ))); do FIRST=$$(( $(FIRST) + i * each )) SEEDS=$$each "$${run[@]}" & shares+=($$!); done; \
	for share in "$${shares[@]}"; do wait $$share || failed=1; done; exit $$failed

.PHONY: mutants
mutants: ## build without one rule after the other; the simulation must notice each time
	@SEEDS=$(SEEDS) bash cmd/credence/simulation/mutants.sh

.PHONY: scale
scale: prerequisites ## import SCALE credentials into one node and measure it
	SCALE=$(SCALE) go test -count 1 -v -timeout 60m ./cmd/credence/scale

.PHONY: robustness
robustness: ## let three nodes and three etcd members go wrong under load for ROBUSTNESS (10m), judge what clients saw, print figures
	ROBUSTNESS=$(ROBUSTNESS) go test -count 1 -v -run KeepsItsPromises -timeout $(TIMEOUT) ./cmd/credence/robustness

.PHONY: fuzz
fuzz: prerequisites $(WABT) ## run each fuzz target for FUZZTIME
	@grep -r --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | sed -E 's/^(.*)\/[^/]*:func (Fuzz[A-Za-z0-9_]*).*/\1 \2/' | sort -u | \
	  while read -r package target; do \
	    echo "== $$package $$target"; \
	    go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; \
	  done

.PHONY: generate
generate: ## regenerate what is generated
	go generate ./...

.PHONY: tools
tools: $(GOLANGCI_LINT) ## install the pinned tools into .tools

$(GOLANGCI_LINT):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	@mv $(TOOLS)/golangci-lint $@

.PHONY: clean
clean: ## remove what make has built and installed
	rm -rf bin .tools examples/build engine/wasmhost/testdata/build engine/wasmhost/testdata/node_modules wasmabi/guest-as/node_modules
