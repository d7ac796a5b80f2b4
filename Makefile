# Front door: each target does its own set-up. See README.md.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 20
# Quiet when nothing is new; what CMake says is in the log.
# Two makes at once take turns.
take_turns = flock build/$(PRESET).lock
configure = mkdir -p build && { $(take_turns) cmake --preset $(PRESET) >build/$(PRESET).log 2>&1 || { cat build/$(PRESET).log; exit 1; }; }

.PHONY: all setup build test demo dev tsan fuzz bench-peers clean

all: build

setup:
	@tools/setup

build: setup
	@$(configure)
	@$(take_turns) cmake --build $(BUILD) --parallel $(JOBS) $(addprefix --target ,$(TARGET))

test:
	@tools/setup --oracles --train
	@$(MAKE) --no-print-directory build
	@ctest --test-dir $(BUILD) --no-tests=error --output-on-failure --parallel $(JOBS)

demo:
	@tools/setup --demo
	@$(configure)
	@$(take_turns) cmake --build $(BUILD) --parallel $(JOBS) --target goshawk
	@$(BUILD)/bin/goshawk track .deps/demo/vtest.avi --name demo $(ARGS)

# AddressSanitizer and UBSan over the unit tests; ThreadSanitizer over what has threads.
dev:
	@$(MAKE) --no-print-directory PRESET=dev build
	@ctest --test-dir build/dev --no-tests=error --output-on-failure --parallel $(JOBS) --label-regex "unit|torch"

tsan:
	@$(MAKE) --no-print-directory PRESET=tsan build
	@ctest --test-dir build/tsan --no-tests=error --output-on-failure --parallel $(JOBS) --tests-regex '^(core|media|runtime|pipeline|detect|dataset|evaluate|train)_test|^e2e.(track|predict|frames)$$'

# Each libFuzzer target for some seconds.
fuzz:
	@tools/setup --fuzz
	@$(MAKE) --no-print-directory PRESET=fuzz TARGET=fuzzers build
	@for target in build/fuzz/bin/fuzz_*; do echo "$$target"; \
	  "$$target" -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=4096 -verbosity=0 -print_final_stats=1 || exit 1; done

bench-peers:
	@tools/setup --peers
	@$(MAKE) --no-print-directory PRESET=bench build
	@.deps/peers/bin/python bench/peers.py --bin build/bench/bin $(ARGS)

clean:
	@rm -rf build
