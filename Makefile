# Front door: each target does its own set-up. See README.md.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
# Quiet when nothing is new; what CMake says is in the log.
configure = mkdir -p build && { cmake --preset $(PRESET) >build/$(PRESET).log 2>&1 || { cat build/$(PRESET).log; exit 1; }; }

.PHONY: all setup build test demo dev tsan fuzz bench-peers clean

all: build

setup:
	@tools/setup

build: setup
	@$(configure)
	@cmake --build $(BUILD) --parallel $(JOBS)

test:
	@tools/setup --oracles --demo
	@$(MAKE) --no-print-directory build
	@ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS)

demo:
	@tools/setup --demo
	@$(configure)
	@cmake --build $(BUILD) --parallel $(JOBS) --target goshawk
	@$(BUILD)/bin/goshawk track .deps/demo/vtest.avi --name demo $(ARGS)

# AddressSanitizer and UBSan over the unit tests; ThreadSanitizer over what has threads.
dev:
	@$(MAKE) --no-print-directory PRESET=dev build
	@ctest --test-dir build/dev --output-on-failure --parallel $(JOBS) --label-regex unit

tsan:
	@$(MAKE) --no-print-directory PRESET=tsan build
	@ctest --test-dir build/tsan --output-on-failure --parallel $(JOBS) --tests-regex 'pipeline_test|core_test|Store|e2e'

fuzz:
	@$(MAKE) --no-print-directory PRESET=fuzz build

bench-peers:
	@tools/setup --peers
	@$(MAKE) --no-print-directory PRESET=bench build
	@.deps/peers/bin/python bench/peers.py --bin build/bench/bin $(ARGS)

clean:
	@rm -rf build
