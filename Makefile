# Verbs of the project; `make` alone lists them.
SWIFT ?= swift
CLI = .build/release/detect-cli
SOURCES = Package.swift Sources Tests Fuzz Examples
# Where `make install` puts the program; DESTDIR stands before it, as packagers want.
PREFIX ?= /usr/local
# Of fuzzing, for each parser.
SECONDS = 60
# Testable imports need a build of their own; without them build, check and test share one.
TEST = $(SWIFT) test -c release --disable-testable-imports

help:
	@echo 'make setup    install the system libraries and libtorch that are missing'
	@echo 'make build    build detect-cli'
	@echo 'make install  install detect-cli and all it needs under PREFIX (default: /usr/local)'
	@echo 'make dist     pack it for machines without a toolchain into dist/'
	@echo 'make doctor   check this machine and say what is missing'
	@echo 'make demo     the whole story on a generated data set (DEMO_ARGS=... passes options on)'
	@echo 'make test     run the tests (DETECT_DATA=DIR: also those on real images)'
	@echo 'make test-fast run only those of the tier unit: less than a minute'
	@echo 'make pages    check the report of small runs in a browser (Chromium; skipped where there is none)'
	@echo 'make narrow   run the numeric tests as on a processor with neither AVX-512 nor AVX2'
	@echo 'make check    layers, format, and a build in which warnings are errors'
	@echo 'make fuzz     throw damaged files at every parser (SECONDS=N for each)'
	@echo 'make bench    measure speed beside the peers'
	@echo 'make scaling  measure how speed and memory grow, and draw it into docs'
	@echo 'make examples build the programs in Examples and run each once'
	@echo 'make docs     build the pages of the libraries from their doc comments'
	@echo 'make format   bring the sources into the project'"'"'s format'
	@echo 'make clean    remove what was built; libtorch stays'

setup:
	@scripts/setup

build: setup
	$(SWIFT) build -c release --product detect-cli

install: setup
	SWIFT="$(SWIFT)" scripts/install "$(DESTDIR)$(PREFIX)"

dist: setup
	SWIFT="$(SWIFT)" scripts/dist

doctor: build
	$(CLI) doctor

demo: build
	$(CLI) demo $(DEMO_ARGS)

test: setup
	$(TEST)

test-fast: setup
	DETECT_TEST_TIERS=unit $(TEST)

pages: build
	scripts/check-report

# The narrowest that libtorch, oneDNN and MKL (on processors of its maker) can be held to.
NARROW = ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_ENABLE_INSTRUCTIONS=SSE4_2

narrow: setup
	$(NARROW) $(TEST) --filter '^(TorchTests|BackboneTests|PretrainTests|DetectionTests)\.'

check: setup
	scripts/check-layers
	$(SWIFT) format lint --strict --recursive $(SOURCES)
	DETECT_STRICT=1 $(SWIFT) build -c release --build-tests

fuzz: setup
	scripts/fuzz $(SECONDS)

bench: build
	$(SWIFT) build -c release --product image-loader
	Benchmarks/run --json bench.json

scaling: build
	$(SWIFT) build -c release --product noise-contrast
	Benchmarks/run --install
	Benchmarks/scaling.py

examples: build
	scripts/examples

docs: build
	scripts/docs

format:
	$(SWIFT) format --in-place --recursive $(SOURCES)

clean:
	rm -rf .build .build-fuzz .build-install dist

.PHONY: help setup build install dist doctor demo test test-fast pages narrow check fuzz bench scaling examples docs format clean
