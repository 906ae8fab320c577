# Passbook. `make` alone lists what there is to do.

GO      ?= go
DATA    ?= ./data
LISTEN  ?= 127.0.0.1:8080
STORE   ?= embedded
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
# All programs, each in a file of its name; and the links beside the one file that has them all.
PROGRAMS = $(patsubst %/main.go,./%,$(wildcard cmd/*/main.go))
LINKS   := bank withdraw credit balance creditlimit archiver webhooks console replay audit
# The platforms of the image, and the most bytes that its program may take.
ARCHES   ?= amd64 arm64
MAX_SIZE := 60000000
# The packages with goroutines, which the race detector watches.
RACY    := ./shared/embedded ./shared/access/... ./shared/affinity ./shared/stores ./shared/table/... ./shared/stream/... ./shared/bucket/... ./shared/keywrap/... ./shared/origin ./shared/journal/... \
           ./shared/writer/... ./shared/control/... ./shared/publisher/... ./shared/consumer/... ./shared/readmodel/... ./shared/replay/... \
           ./shared/audit/... ./shared/feed/... ./shared/derived ./shared/series ./shared/journey ./shared/opsread ./shared/discovery ./shared/monitor ./shared/console/... ./shared/admission ./shared/listener ./shared/certificate ./shared/web/... ./shared/api/... ./shared/platform/... ./shared/backoff ./shared/workerpool ./shared/progress \
           ./shared/client ./shared/webhook/... ./shared/backup ./shared/telemetry/... ./shared/statement ./cmd/internal/importer ./cmd/internal/devclock ./cmd/internal/backups ./cmd/internal/watch ./cmd/internal/teller \
           ./shared/eventtable ./shared/faults/... ./cmd/internal/serve ./cmd/internal/cli ./cmd/internal/ops ./cmd/internal/jobs ./cmd/internal/writeside ./cmd/internal/programs/... \
           ./cmd/internal/demo ./cmd/bench/... ./withdraw/... ./credit/... ./balance/... ./creditlimit/... ./archiver/...
# How long the tests of one package may take: minutes on a quick machine, and many times that on a busy one with two cores.
LIMIT   := -timeout 30m
FUZZTIME ?= 20s
# A new directory for archive-10m.
ARCHIVE_DIR ?= bin/archive-10m

.DEFAULT_GOAL := help
.PHONY: help run demo test race sim planted clean-runs conformance drill e2e engines examples clients statements browser pictures fuzz bench archive-10m bench-peers lint template alerts build dist bank ci clean start ready deploy stop logs curves

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

ifeq ($(STORE),localstack)
run:
	@$(MAKE) --no-print-directory -C localstack run
else
run: bank ## Serve the whole bank on LISTEN, with its data in DATA; STORE=localstack runs the five services on LocalStack
	./bin/bank serve --listen $(LISTEN) --data $(DATA)
endif

demo: bank ## Play a day at a bank and check its books
	./bin/bank demo

# The tests that need an AWS endpoint are named ...OnAWS, and leave themselves out without one.
test: ## Run all tests; needs no network and no Docker
	$(GO) test $(LIMIT) ./...
	@test -n "$$AWS_ENDPOINT_URL" || grep -roE --include='*_test.go' '^func Test[A-Za-z]*OnAWS\b' cmd shared | sort | \
	  sed -E 's|^(.*)/[^/]*:func (.*)|left out: \1 \2 (no AWS_ENDPOINT_URL: make conformance e2e)|'

# TestForgedArchives is left out: it compares verdicts one after the other, and takes five minutes of the detector's time.
race: ## Run the tests of the packages with goroutines under the race detector
	$(GO) test $(LIMIT) -race -skip '^TestForgedArchives$$' $(RACY)
	$(GO) test $(LIMIT) -race -run Embedded ./cmd/internal/e2e

sim: ## Simulate the pipeline under faults and power cuts, SEEDS times (2000); SEED=n runs one again and prints its trace
	$(GO) test -count=1 -timeout 30m -v -run '^TestSim$$' ./shared/sim $(if $(SEED),-seed $(SEED),-seeds $(or $(SEEDS),2000))

planted: ## Break a rule by each overlay in OVERLAYS (shared/sim/planted), and check that sim finds it within SEEDS seeds (300)
	$(GO) test -count=1 -timeout 60m -v -run '^TestPlantedBreaks$$' ./shared/sim -planted $(abspath $(or $(OVERLAYS),shared/sim/planted)) -seeds $(or $(SEEDS),300)

clean-runs: ## Read RUNS whole archives (1000) with every job and proof that reads one, none of which may find anything
	$(GO) test -count=1 -timeout 30m -run '^TestCleanRuns$$' ./shared/damages -runs $(or $(RUNS),1000) -first $(or $(FIRST),1)

conformance: ## Run the suites of the ports on every adapter and print a table; starts a LocalStack if AWS_ENDPOINT_URL is empty
	./localstack/with.sh $(GO) run ./cmd/conformance

drill: ## Lose the journal, the archive and what keeps the events table of a bank on an AWS endpoint, and get them back; starts a LocalStack if AWS_ENDPOINT_URL is empty
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/passbook ./cmd/compact
	./localstack/with.sh sh -c 'deploy/drills/journal.sh && deploy/drills/bucket.sh && deploy/drills/table.sh'

e2e: ## Run the services as processes under load on an AWS endpoint; starts a LocalStack if AWS_ENDPOINT_URL is empty
	./localstack/with.sh $(GO) test -count=1 -timeout 20m -v -run 'OnAWS$$' ./cmd/internal/e2e

engines: ## Compare the SQL of archiver/sql with the API, in DuckDB and Spark; installs them once
	./archiver/sql/check/run.sh

examples: ## Test the programs of docs/examples; e2e runs them on the stream of the services
	./docs/examples/python.sh -W error -m unittest discover -s docs/examples

clients: ## Make clients of the contract in Go, TypeScript and Python and run them, and schemathesis; installs the generators once
	./docs/clients/run.sh

statements: ## Validate camt.053 messages against the schema of ISO 20022; installs it once
	./shared/statement/schema/run.sh

browser: ## Run the journeys through the console in Chromium, and check every page; cmd/bank/e2e/browser/install.sh installs what it needs
	./cmd/bank/e2e/browser/run.sh -v

# bin/pictures is no part of what is built, and goes with `make clean`.
pictures: ## Do what browser does, and paint every page in every view and state into ./bin/pictures
	PASSBOOK_PICTURES=$(CURDIR)/bin/pictures ./cmd/bank/e2e/browser/run.sh

fuzz: ## Run every fuzz target for FUZZTIME
	@$(GO) list ./... | while read -r pkg; do \
	  $(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' | while read -r target; do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	  done || exit 1; \
	done

bench: bank ## Measure throughput, latency and overload of the real program against the targets
	$(GO) build -o bin/ ./cmd/bench ./cmd/replay
	./bin/bench --bank ./bin/bank

archive-10m: bank ## Make an archive of 10 million events in ARCHIVE_DIR, run every job on it, and DuckDB beside; takes half an hour
	$(GO) build -o bin/ ./cmd/bench ./cmd/replay ./cmd/audit
	./bin/bench jobs --dir $(ARCHIVE_DIR) --python "$$(./archiver/sql/check/environment.sh duckdb)"

bench-peers: bank ## Compare the bank with a Go service on PostgreSQL, in turns; installs PostgreSQL once
	$(GO) build -o bin/ ./cmd/bench
	./cmd/bench/floor/install.sh
	./bin/bench peers --bank ./bin/bank --save bin/bench-peers.json

curves: bank ## Measure how cost grows with accounts, history and shards, and draw it into docs/curves; takes an hour
	$(GO) build -o bin/ ./cmd/bench
	./bin/bench curves --bank ./bin/bank --out docs/curves

lint: ## Run gofmt, vet and staticcheck
	@test -z "$$(gofmt -l .)" || { echo "gofmt these files:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

template: ## Run cfn-lint over deploy/template.yaml
	./deploy/lint.sh

alerts: ## Run promtool over the rules for Prometheus, their tests and the metrics of a bank; compiles promtool once
	./deploy/prometheus/check.sh

build: ## Build the programs into ./bin
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/ $(PROGRAMS)

# What run, demo and bench need of them: the first build takes a minute or two.
bank:
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/bank

dist: $(ARCHES:%=dist-%) ## Build the program of the image for ARCHES into ./bin/dist, with its links and the list of its modules

# As the Dockerfile builds it: static, without paths of this machine, for one architecture of Linux.
dist-%:
	@mkdir -p bin/dist/$*
	CGO_ENABLED=0 GOOS=linux GOARCH=$* $(GO) build -trimpath -ldflags '-s -w $(LDFLAGS)' -o bin/dist/$*/passbook ./cmd/passbook
	@for name in $(LINKS); do ln -sf passbook bin/dist/$*/$$name; done
	$(GO) version -m bin/dist/$*/passbook >bin/dist/$*/modules.txt
	@size=$$(wc -c <bin/dist/$*/passbook); echo "bin/dist/$*/passbook: $$size bytes"; test $$size -le $(MAX_SIZE)

start: ## Start LocalStack, in Docker or without; make -C localstack lists more targets
ready: ## Wait until LocalStack answers
deploy: ## Create tables, streams and bucket on LocalStack
stop: ## Stop LocalStack and delete its state
logs: ## Print the log of LocalStack
start ready deploy stop logs:
	@$(MAKE) --no-print-directory -C localstack $@

ci: ## Run what the CI server runs
	./.ci/run

clean: ## Remove the built programs, but not the data
	rm -rf bin
