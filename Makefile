# What one does with this repository. `make` alone lists it.

SHELL := /bin/bash
WEB := web-client
INSTALLED := node_modules/.package-lock.json
PAGES := $(WEB)/app/dist/index.html
SOURCES := $(shell find $(WEB)/app $(WEB)/sdk -name node_modules -prune -o -name dist -prune -o -type f -print)

help: ## List what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' Makefile | expand -t 22

run: tools web ## Build everything and start a server to try, with links that work at once (ARGS="--http-port 0")
	cargo build --locked -p hearth
	@exec "$${CARGO_TARGET_DIR:-target}/debug/hearth" dev $(ARGS)

test: tools ## Run all tests: Rust, TypeScript, browsers. Installs what they need
	@.ci/test

web: tools $(PAGES) ## Build the pages

generate: ## Write the TypeScript of the wire types anew
	HEARTH_GENERATE=1 cargo test --locked -p hearth-protocol --test typescript

fmt: $(WEB)/$(INSTALLED) ## Format everything
	cargo fmt --all
	npm --prefix $(WEB) run format

lint: tools $(WEB)/$(INSTALLED) ## Everything that can be said without running: formatting, lints, types, licences
	@.ci/lint

# Coverage alone: no sanitizer, so that the toolchain of the project does.
FUZZ := RUSTC_BOOTSTRAP=1 cargo fuzz
TARGET ?= apply
SECS ?= 600
SCRATCH = $${CARGO_TARGET_DIR:-$(CURDIR)/target}/fuzz-corpus/$(TARGET)

fuzz: ## Fuzz the codec, the room or the relay's entrance (TARGET=guard SECS=600); needs cargo-fuzz
	@mkdir -p $(SCRATCH)
	$(FUZZ) run --fuzz-dir tests/fuzz --sanitizer none $(TARGET) $(SCRATCH) tests/fuzz/corpus/$(TARGET) -- \
	  -max_total_time=$(SECS) -max_len=4096 -rss_limit_mb=1024 -timeout=10

fuzz-corpus: ## Keep of what fuzzing has found the few files that cover it (TARGET=codec)
	$(FUZZ) run --fuzz-dir tests/fuzz --sanitizer none $(TARGET) tests/fuzz/corpus/$(TARGET) $(SCRATCH) -- \
	  -set_cover_merge=1 -use_counters=0

mutants: ## Change the rules in every small way and see that a test notices (FILE=server/room/src/gate.rs); needs cargo-mutants
	cargo mutants --package hearth-room --package hearth-forwarding $(if $(FILE),--file $(FILE)) --jobs 1

FIGURES := $${CARGO_TARGET_DIR:-target}/bench

bench: ## Measure Hearth beside the limit and Janus, in about 15 minutes (SECS=10 ROWS=sound,lecture); wants a quiet machine with two cores
	@.ci/bench bench --seconds $(if $(filter file,$(origin SECS)),10,$(SECS)) $(if $(ROWS),--rows $(ROWS)) --folder $(FIGURES)

bench-rooms: ## Measure what rooms cost without media: commands, an audience of 300, memory, reconnects
	@.ci/bench rooms --folder $(FIGURES)

bench-strain: ## Measure what Hearth bears beside a meeting: a full core, coming and going, all at once, a flood of strangers
	@.ci/bench strain --folder $(FIGURES)

bench-slope: ## Measure whether memory grows over 100,000 joins and leaves, and 10,000 with media
	@.ci/bench slope --folder $(FIGURES)

$(PAGES): $(WEB)/$(INSTALLED) $(SOURCES)
	npm --prefix $(WEB) run build

tools:
	@.ci/tools

%/$(INSTALLED): %/package-lock.json
	npm --prefix $* ci --no-audit --no-fund
	@touch $@

.PHONY: help run test web generate fmt lint fuzz fuzz-corpus mutants bench bench-rooms bench-strain bench-slope tools
