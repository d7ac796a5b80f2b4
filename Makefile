# Front door: each target does its own set-up. See README.md.
PRESET ?= release
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)

.PHONY: all setup build test demo dev tsan fuzz bench bench-peers clean

all: build

setup:
	@tools/setup

build: setup
	@cmake --preset $(PRESET) $(if $(wildcard $(BUILD)/build.ninja),-Wno-dev >/dev/null,)
	@cmake --build $(BUILD) --parallel $(JOBS)

test:
	@tools/setup --oracles --demo
	@$(MAKE) --no-print-directory build
	@ctest --test-dir $(BUILD) --output-on-failure --parallel $(JOBS)

demo:
	@tools/setup --demo
	@cmake --preset release -DGOSHAWK_TESTS=OFF $(if $(wildcard build/release/build.ninja),-Wno-dev >/dev/null,)
	@cmake --build build/release --parallel $(JOBS) --target goshawk
	@build/release/bin/goshawk track .deps/demo/vtest.avi --name demo

dev tsan fuzz:
	@$(MAKE) --no-print-directory PRESET=$@ build
	@[ $@ = fuzz ] || ctest --test-dir build/$@ --output-on-failure --parallel $(JOBS) --label-regex unit

bench-peers:
	@tools/setup --peers
	@$(MAKE) --no-print-directory PRESET=bench build
	@.deps/peers/bin/python bench/peers.py --bin build/bench/bin $(ARGS)

clean:
	@rm -rf build
