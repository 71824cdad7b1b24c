# Every way into tinyprop. Third-party files go to $(CACHE), results to build/ and dist/.
.DEFAULT_GOAL := help
.PHONY: help demo docs pictures test fuzz mutants bench digits reproduce streams first_use faults unknown fleet
.PHONY: fleet_cost endurance repl mpy firmware flash deploy web serve web_speed release lint lock sbom clean distclean

export CACHE ?= $(HOME)/.cache/tinyprop
# Names this run of make, in which nothing in the cache is checked twice.
ifndef CACHE_RUN
export CACHE_RUN := $(shell date +%s%N)
endif
# A MicroPython checkout to build from in place of the pinned package.
export MPY_DIR

ARCH ?= x64 armv6m armv7m armv7emsp rv32imc xtensawin
TARGET ?= unix
BOARD ?= RPI_PICO
PYTHON = "$$(boards/setup/python.sh all)/bin/python"
# The command of an installation, out of this checkout.
TINYPROP = PYTHONPATH=boards:micropython_mod:host_sim/backend:host_sim $(PYTHON) -m tinyprop_cli

help: ## This list
	@sed -n 's/^\([a-z_]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## Learns digits inside MicroPython; shows the result here and in build/demo.png
	@boards/setup/apt.sh pc
	@"$$(boards/setup/python.sh demo)/bin/python" -m host_sim demo

docs: ## All pages as a site, with search: dist/docs/index.html
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m sphinx -q -W --keep-going -c docs . dist/docs
	@echo dist/docs/index.html

pictures: demo ## Draws the pictures in docs/ and examples/ anew
	@cp build/demo.png docs/demo.png
	@boards/setup/apt.sh cpython
	@"$$(boards/setup/python.sh demo)/bin/python" -m host_sim pictures
	@"$$(boards/setup/python.sh demo)/bin/python" -m host_sim wiring
	@boards/setup/apt.sh browser
	@boards/web.sh >/dev/null
	@$(PYTHON) -m host_sim page
	@boards/setup/apt.sh arm rp2 node thonny
	@$(PYTHON) -m host_sim thonny

test: ## Every test on every target; TARGETS="unix c" for some of them
	@boards/setup/apt.sh pc cpython arm riscv qemu rp2 node fuzz web browser mqtt
	@$(PYTHON) tests/targets.py $(TARGETS)

fuzz: ## Ten million inputs of the core, or RUNS, under sanitizers; how much of the core they ran
	@boards/setup/apt.sh pc cpython fuzz
	@$(PYTHON) tests/core/fuzz.py $(RUNS)

mutants: ## Whether a test fails when the code is broken: reports/mutants.md; takes hours
	@boards/setup/apt.sh pc cpython arm qemu fuzz
	@$(PYTHON) tests/mutants/mutants.py

bench: ## Cycles on an emulated Pico, instructions on other processors, RAM, sizes: bench/results.*
	@boards/setup/apt.sh pc cpython arm riscv qemu rp2 node
	@$(PYTHON) bench/run.py

digits: ## Accuracy and work of every policy on digits, over several seeds: reports/digits.*
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m host_sim digits

reproduce: ## The papers' table: every policy on the data sets in DATA=dir, or ONLY=har; reports/summary.csv
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m host_sim reproduce "$(DATA)" $(if $(ONLY),--only $(ONLY))

streams: ## What helps when a stream changes, or a class is rare, on data sets in DATA=dir: reports/streams.md
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m host_sim streams "$(DATA)"

first_use: ## What layers alone give a newcomer, on scikit-learn's data sets and in DATA=dir: reports/first_use.*
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m host_sim first_use \
	  $(if $(DATA),--data "$(DATA)") $(if $(ONLY),--only $(ONLY))

faults: ## Whether check() names rates that are wrong, on scikit-learn's data sets and in DATA=dir: reports/faults.md
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m host_sim faults \
	  $(if $(DATA),--data "$(DATA)") $(if $(ONLY),--only $(ONLY))

endurance: ## Ten million samples that drift, counters past their ends, faults: reports/endurance.md
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m host_sim endurance

unknown: ## Whether a model knows what it was never taught, on digits and in DATA=dir: reports/unknown.md
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m host_sim unknown $(if $(DATA),--data "$(DATA)")

fleet: ## What boards gain by learning together, on digits and in DATA=dir: reports/fleet.*
	@boards/setup/apt.sh pc cpython
	@$(PYTHON) -m host_sim fleet $(if $(DATA),--data "$(DATA)") $(if $(ONLY),--only $(ONLY))

fleet_cost: ## How long a thousand simulated boards take for ten rounds, and how much memory
	@boards/setup/apt.sh pc cpython
	@"$$(boards/setup/python.sh fleet)/bin/python" bench/fleet.py

repl: ## A MicroPython prompt: TARGET=unix here, TARGET=pico on an emulated Pico, PORT=... on your board
	@$(if $(PORT),boards/setup/apt.sh pc && $(TINYPROP) repl "$(PORT)",boards/repl.sh $(TARGET))

mpy: ## dist/<ARCH>_6.3/*.mpy for stock firmware; ARCH=armv6m for one of them
	@usermod_c/tinyprop/natmod/build.sh $(ARCH)

firmware: ## dist/<BOARD>/: MicroPython with tinyprop in it; BOARD=RPI_PICO or another of boards/
	@boards/firmware.sh $(BOARD) >/dev/null && ls dist/$(BOARD)/*

flash: ## Firmware onto a board: BOARD=... PORT=...; that of make firmware, or FIRMWARE=file
	@boards/setup/apt.sh pc
	@$(TINYPROP) flash --board "$(BOARD)" --port "$(PORT)" "$(FIRMWARE)"

deploy: ## tinyprop.mpy onto a board that has MicroPython; PORT=/dev/ttyACM0 if there are several
	@boards/setup/apt.sh pc
	@$(TINYPROP) deploy "$(PORT)"

web: ## dist/web: the page, and the library for JavaScript; make serve shows it
	@boards/web.sh

serve: web ## The page, at an address of this PC that it tells
	@$(TINYPROP) serve

web_speed: ## How fast a network learns in WebAssembly, beside C on this PC
	@boards/setup/apt.sh pc cpython node
	@boards/web.sh >/dev/null
	@$(PYTHON) bench/web.py

release: ## dist/release/, as it is published: packages, .mpy files, what mip installs, firmware, SHA256SUMS
	@boards/setup/apt.sh pc arm riscv rp2
	@boards/release.sh dist/release

lint: ## Formats, spelling, types, shell scripts, strict compilers: a part of make test
	@boards/setup/lint.sh

sbom: override MPY_DIR := # the pinned one
sbom: ## What of others, of which version and licence, is in firmware, .mpy, page and wheel: dist/sbom.*
	@boards/firmware.sh $(BOARD) >/dev/null
	@usermod_c/tinyprop/natmod/build.sh $(ARCH) >/dev/null
	@boards/web.sh >/dev/null
	@$(PYTHON) boards/sbom.py $(BOARD) $(ARCH)

lock: ## The hashes of all PyPI and npm packages, after a change of boards/versions.mk: boards/setup/lock/
	@boards/setup/lock.sh

clean: ## Removes build/ and dist/
	rm -rf build dist

distclean: clean ## Removes what was downloaded and built in the cache too
	rm -rf "$(CACHE)"
