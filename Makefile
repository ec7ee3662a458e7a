# `make run` and `make test` are all that a newcomer needs. Both do their own set-up.

SHARED ?= ../shared
CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto

.PHONY: run test check fmt ui ui-check deny clients bench-logs bench-metrics crash attacks ack-honesty big-wal disk-full conformance engine fuzz hostile hostile-promql promql-diff sim sim-long flips help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: ## build and start with embedded defaults: page on http://127.0.0.1:9090, GELF on 12201
	$(CARGO) run --release --locked -- serve

test: ## everything that can run without a cluster
	tests/e2e/setup.sh
	$(CARGO) test --workspace --locked --no-fail-fast

check: ## what every commit must pass: format, lints, tests of the tree
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --locked --test tidy

fmt: ## format everything
	$(CARGO) fmt --all

ui: ## build the page into ui/dist, with its tests
	cd ui/web && npm ci --no-audit --no-fund && npm test && npm run build

ui-check: ui ## rebuild the page and compare with what is committed
	git diff --exit-code --stat -- ui/dist
	test -z "$$(git status --porcelain -- ui/dist)"

deny: ## licences, sources and duplicates of the dependencies (cargo install cargo-deny)
	$(CARGO) deny check bans licenses sources

bench-logs: ## the log table, MESSAGES=1000000 of $(SHARED)/bench/loggen or DATA=file, PHASES=ingest,truth,warm … for a part
	$(CARGO) build --release --locked
	benches/logs.sh $(SHARED) $(if $(MESSAGES),--messages $(MESSAGES)) $(if $(DATA),--data $(DATA)) $(if $(PHASES),--phases $(PHASES))

bench-metrics: ## scrape of a fleet, against $(SHARED)/bench/metrics; results go to benches/RESULTS.md by hand
	$(CARGO) build --release --locked
	benches/metrics.sh $(SHARED)

crash: ## kill -9 during ingest, RUNS times (20 by default)
	$(CARGO) build --profile proof --locked
	WATCHFIRE_CRASH_RUNS=$(or $(RUNS),20) $(CARGO) test --profile proof --locked --test e2e -- crash --nocapture

sim: ## the stores under random faults (SEEDS=500), and trouble at every single operation of one run
	WATCHFIRE_SIM_SEEDS=$(or $(SEEDS),500) WATCHFIRE_SIM_EVERY=1 $(CARGO) test --profile proof --locked --test sim -- seeds every_operation --nocapture

sim-long: ## power cuts at CUTS (5,000) places of as many runs
	WATCHFIRE_SIM_CUTS=$(or $(CUTS),5000) $(CARGO) test --profile proof --locked --test sim -- power_cuts --nocapture

flips: ## FLIPS (100,000) flipped bits over all kinds of files; logs cut at every byte of their last 64 KiB
	WATCHFIRE_SIM_FLIPS=$(or $(FLIPS),100000) WATCHFIRE_SIM_CUT_STEP=1 $(CARGO) test --profile proof --locked --test sim -- flip cut_any --nocapture

ack-honesty: ## BATCHES (10,000) acknowledged batches under strace: each answer follows an fsync that covers it
	$(CARGO) build --locked
	WATCHFIRE_ACK_BATCHES=$(or $(BATCHES),10000) $(CARGO) test --locked --test e2e -- ack_honesty --nocapture

attacks: ## memory under attack, a line for each kind: SECONDS (10) each, ATTACK=name for one kind
	WATCHFIRE_ATTACK_SECONDS=$(or $(SECONDS),10) WATCHFIRE_ATTACK='$(ATTACK)' $(CARGO) test --release --locked --test e2e -- attacks --nocapture --test-threads 1

conformance: ## upstream's PromQL scripts (PROMQL=DIR), OpenMetrics vectors (OPENMETRICS=DIR), tests of promtool (PROMTOOL=DIR), of SHARED by default
	WATCHFIRE_PROMQL_SCRIPTS=$(or $(PROMQL),$(abspath $(SHARED))/conformance/promql) \
		$(CARGO) test --locked -p watchfire-promql --test promql -- upstream --nocapture
	WATCHFIRE_OPENMETRICS_VECTORS=$(or $(OPENMETRICS),$(abspath $(SHARED))/conformance/openmetrics) \
		$(CARGO) test --locked -p watchfire-scrape --lib -- conformance_vectors --nocapture
	WATCHFIRE_PROMTOOL_TESTS=$(or $(PROMTOOL),$(abspath $(SHARED))/conformance/promtool) \
		$(CARGO) test --locked -p watchfire-alerting --lib -- upstreams_files --nocapture

fuzz: ## parsers of what comes from outside under mutated input, SECONDS (3,600) each: PromQL, expositions, remote write
	for crate in promql scrape push; do \
		WATCHFIRE_FUZZ_SECONDS=$(or $(SECONDS),3600) $(CARGO) test --profile proof --locked -p watchfire-$$crate -- fuzz --nocapture || exit 1; \
	done

promql-diff: ## answers and timings against an installed Prometheus on the same samples (TARGETS, SERIES)
	$(CARGO) build --release --locked
	cd benches && python3 promql_diff.py $(abspath $(SHARED)) --binary ../target/release/watchfire $(if $(TARGETS),--targets $(TARGETS)) $(if $(SERIES),--series $(SERIES))

hostile-promql: ## N (10,000) hostile PromQL calls and pushed bodies against the release binary
	$(CARGO) build --release --locked
	WATCHFIRE_HOSTILE=$(or $(N),10000) $(CARGO) test --release --locked --test e2e -- hostile_promql --nocapture

hostile: ## N (10,000) hostile log queries against the release binary, with ingest beside them
	$(CARGO) build --release --locked
	WATCHFIRE_HOSTILE=$(or $(N),10000) $(CARGO) test --release --locked --test e2e -- hostile --nocapture

engine: ## log queries against a plain scan, over SEEDS (500) lives of a store
	WATCHFIRE_ENGINE_SEEDS=$(or $(SEEDS),500) WATCHFIRE_ENGINE_QUERIES=50000 WATCHFIRE_ENGINE_MESSAGES=20000 \
		$(CARGO) test --profile proof --locked --test engine -- --nocapture

disk-full: ## ROUNDS (50) of a full disk of 64 MB (needs root, to mount it)
	$(CARGO) build --profile proof --locked
	WATCHFIRE_DISK_ROUNDS=$(or $(ROUNDS),50) $(CARGO) test --profile proof --locked --test e2e -- disk_full --nocapture

big-wal: ## start of the release binary with MIB (10,240) of write-ahead log, under a memory limit of 512 MiB
	$(CARGO) build --release --locked
	WATCHFIRE_BINARY=$(CURDIR)/target/release/watchfire WATCHFIRE_BIG_WAL_MIB=$(or $(MIB),10240) $(CARGO) test --release --locked --test e2e -- big_log --nocapture
