# The words that people and CI use.  Each sets up what it needs in .venv; nothing is installed outside it.
PYTHON ?= python3
CLOUD ?= aws
ARGS ?=
# more than there are processors: many tests wait for processes of their own.  A file stays with one, so that what its tests
# share is made once; in their order, for what one test leaves running a later one may end
WORKERS ?= 3
VENV := .venv
BIN := $(VENV)/bin
TROUBLE := moto_tests/test_deeds_trouble.py moto_tests/gcp/test_deeds_trouble.py moto_tests/gcp/test_cloud_run_trouble.py
# where the image's test keeps Python's image from one time to the next
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/al-toolkit
SOURCES := toolkit runtimes infra gateway tests moto_tests

.PHONY: demo test check chaos image format lint types bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     push an example project to the embedded cloud, run it, show what became of it"
	@echo "make test     every test (ARGS='-k push' for some)"
	@echo "make check    format check, lint, types, tests: what CI runs"
	@echo "make format   rewrite the code in the house style"
	@echo "make chaos    kill the ledger's writers thousands of times (AL_CHAOS=5000), pushes before every fact; and trouble every call"
	@echo "make image    build the base image, print its size and how fast a run starts in it; as root, in minutes"
	@echo "make bench    print the figures"

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all]' --group dev
	@touch $@

demo: $(VENV)/.ready
	@$(BIN)/python -m toolkit.sandbox.demo --cloud $(CLOUD)

test: $(VENV)/.ready
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

chaos: $(VENV)/.ready
	AL_CHAOS=$${AL_CHAOS:-5000} $(BIN)/python -m pytest -s tests/scheduler/test_crash.py tests/scheduler/test_crash_whole.py moto_tests/main_job/test_resume.py $(TROUBLE) $(ARGS)

image: $(VENV)/.ready
	@mkdir -p $(CACHE)
	AL_BASE_IMAGE=$${AL_BASE_IMAGE:-$(CACHE)/python-slim.tar} $(BIN)/python -m pytest tests/images/test_base_image.py $(ARGS)

check: $(VENV)/.ready
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(MAKE) test

format: $(VENV)/.ready
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

bench: $(VENV)/.ready
	@$(BIN)/python -m tests.bench $(ARGS)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
