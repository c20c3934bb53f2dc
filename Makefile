# What can be made here? `make demo` to see it work, `make test` to check it.
#
# Nothing has to be installed first but make, Python 3.11 and a C++17 compiler: every target sets up the
# .venv it needs (packaging/environment.py), and does so again only where something has changed.
#   PYTHON=python3.12         another interpreter
#   RETEMPO_CUDA=OFF          do not compile CUDA kernels although nvcc is there
#   ARGS="-k flow -x"         more arguments for pytest, or for the bench

PYTHON ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help venv venv-test plugin demo test lint format fuzz sanitize bench wheel clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## leave .venv with the retempo command in it
	@$(PYTHON) packaging/environment.py run

venv-test:
	@$(PYTHON) packaging/environment.py test

demo: venv ## make the sample scene, slow it down four times, show and score the result (build/demo)
	@$(BIN)/python packaging/demo.py build/demo

plugin: venv ## the OpenFX plugin (build/Retempo.ofx.bundle); `retempo plugin install` puts it where hosts look
	@PATH="$(CURDIR)/$(BIN):$$PATH" cmake -S plugin -B build/plugin -G Ninja -DRETEMPO_WERROR=ON \
		-DRETEMPO_PYTHON="$(CURDIR)/$(BIN)/python" > build/plugin-configure.log || { cat build/plugin-configure.log; exit 1; }
	@PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build build/plugin --target Retempo
	@echo "build/Retempo.ofx.bundle"

test: venv-test plugin ## everything that has to be true: style, types, import rules, behaviour
	@$(BIN)/python -m pytest $(ARGS)

lint: venv-test ## style, types and import rules alone
	@$(BIN)/python -m pytest tests/architecture -q $(ARGS)

format: venv-test ## rewrite the sources in the house style
	@$(BIN)/python -m ruff check --fix --quiet . ; $(BIN)/python -m ruff format .
	@git ls-files 'native/*.h' 'native/*.cpp' 'native/*.cu' 'native/*.cuh' 'plugin/*.h' 'plugin/*.cpp' 'tests/bridge/driver/*' 'tests/fuzz/bridge/*' 'tests/sanitize/*.cpp' | xargs -r $(BIN)/clang-format -i

fuzz: venv-test ## hostile inputs for everything that parses (ARGS=60: seconds each; findings in build/fuzz)
	@status=0; for program in run.py run_bridge.py; do \
		$(BIN)/python tests/fuzz/$$program --seed 0 --seconds $(or $(ARGS),60) || status=1; done; exit $$status

sanitize: venv-test ## native code under AddressSanitizer, UBSan and ThreadSanitizer (ARGS=thread: that alone)
	@$(BIN)/python tests/sanitize/sanitizers.py $(ARGS)

bench: venv-test ## how fast it is, as ratios in one run (a table, and build/bench.json)
	@$(BIN)/python tests/benchmarks/bench.py $(ARGS)

wheel: venv ## a wheel in dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@ls -1 dist/*.whl

clean: ## remove what was built, keep .venv
	rm -rf build dist pyhost/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f pyhost/retempo/_native*.so
	find pyhost tests packaging -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv too
	rm -rf $(VENV)
