# What one does with this repository. `make` alone lists it.

SHELL := /bin/bash
WEB := web-client
INSTALLED := node_modules/.package-lock.json
PAGES := $(WEB)/app/dist/index.html
SOURCES := $(shell find $(WEB)/app $(WEB)/sdk -name node_modules -prune -o -name dist -prune -o -type f -print)

help: ## List what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 \t/p' Makefile | expand -t 20

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

$(PAGES): $(WEB)/$(INSTALLED) $(SOURCES)
	npm --prefix $(WEB) run build

tools:
	@.ci/tools

%/$(INSTALLED): %/package-lock.json
	npm --prefix $* ci --no-audit --no-fund
	@touch $@

.PHONY: help run test web generate fmt lint tools
