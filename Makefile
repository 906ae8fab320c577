# Passbook. `make` alone lists what there is to do.

GO      ?= go
DATA    ?= ./data
LISTEN  ?= 127.0.0.1:8080
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
# The packages with goroutines of their own, which the race detector watches.
RACY    := ./shared/embedded/... ./shared/table/... ./shared/stream/... ./shared/bucket/... ./shared/journal/... ./shared/publisher/... \
           ./shared/consumer/... ./shared/replay/... ./shared/audit/... ./shared/web/... ./shared/platform/... ./cmd/internal/... ./cmd/bench/... \
           ./withdraw/... ./credit/... ./balance/... ./creditlimit/... ./archiver/...
FUZZTIME ?= 20s

.DEFAULT_GOAL := help
.PHONY: help run demo test race conformance fuzz bench lint build ci clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## Serve the whole bank on LISTEN, with its data in DATA
	./bin/bank serve --listen $(LISTEN) --data $(DATA)

demo: build ## A day at the bank, told as it happens and checked at the end
	./bin/bank demo

test: ## All tests; needs no network and no Docker
	$(GO) test ./...

race: ## The tests of the packages with goroutines, under the race detector
	$(GO) test -race $(RACY)

conformance: ## The suites that every adapter of a port passes
	$(GO) test -count=1 ./shared/table/... ./shared/stream/... ./shared/bucket/...

fuzz: ## Every fuzz target for FUZZTIME
	@$(GO) list ./... | while read -r pkg; do \
	  $(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' | while read -r target; do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done || exit 1; \
	done

bench: build ## Throughput and latency of the real program, beside the targets
	./bin/bench --bank ./bin/bank

lint: ## gofmt, vet and staticcheck
	@test -z "$$(gofmt -l .)" || { echo "gofmt these files:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

build: ## The programs, into ./bin
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

ci: ## What the server runs
	./.ci/run

clean: ## Remove the built programs; the data stays
	rm -rf bin
