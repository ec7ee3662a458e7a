# `make run` and `make test` are all that a newcomer needs. Both do their own set-up.

SHARED ?= ../shared
CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto

.PHONY: run test check fmt ui ui-check deny clients bench-logs bench-metrics crash help

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

bench-logs: ## log ingest and queries, against $(SHARED)/bench/loggen; results go to benches/RESULTS.md by hand
	$(CARGO) build --release --locked
	benches/logs.sh $(SHARED)

bench-metrics: ## scrape of a fleet, against $(SHARED)/bench/metrics; results go to benches/RESULTS.md by hand
	$(CARGO) build --release --locked
	benches/metrics.sh $(SHARED)

crash: ## kill -9 during ingest, RUNS times (20 by default)
	$(CARGO) build --locked
	WATCHFIRE_CRASH_RUNS=$(or $(RUNS),20) $(CARGO) test --locked --test e2e -- crash --nocapture
