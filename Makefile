# Each command sets up what it needs, in .venv beside this file.
# PYTHON=/path/to/python3.12 chooses the interpreter; the newest suitable one is found otherwise.

.POSIX:
.SUFFIXES:
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo fleet fleet-short test test-fast nightly bench lint typecheck settings docs release-check constraints clean

BIN := .venv/bin
# The long tests wait more than they work, so there may be more of them at once than cores; but each
# job collects all tests for itself.
JOBS = 6
# What the tests' many processes import is compiled once.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
SETUP := sh tools/setup.sh

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## Read the sandbox's vendors into a warehouse, write corrections back, read the changes
	@$(SETUP)
	@$(BIN)/python -m demo

fleet: ## Twenty accounts with Airflow's scheduler, against the sandbox; needs PostgreSQL
	@$(SETUP)
	@$(BIN)/python -m tests.fleet

fleet-short: ## Three of those accounts with `airflow dags test`, without a scheduler
	@$(SETUP)
	@$(PYTEST) -m nightly tests/fleet/test_fleet.py

test: ## Run all tests, JOBS at once; ARGS goes to pytest
	@$(SETUP)
	@$(PYTEST) -n $(JOBS) --dist worksteal -m "not serial and not nightly" $(ARGS) || [ $$? -eq 5 ]
	@$(PYTEST) -m "serial and not nightly" $(ARGS) || [ $$? -eq 5 ]

test-fast: ## Run the tests that take no longer than a moment
	@$(SETUP)
	@$(PYTEST) -n $(JOBS) --dist worksteal -m "not serial and not slow and not nightly" $(ARGS)

nightly: ## Run everything in full size, with other random examples each time; fuzz what reads foreign text
	@$(SETUP)
	@ERP_TESTS_PROFILE=nightly $(PYTEST) -n $(JOBS) --dist worksteal -m "not serial" $(ARGS)
	@ERP_TESTS_PROFILE=nightly $(PYTEST) -m serial $(ARGS)
	@$(BIN)/python -m tests.fuzz --optional

bench: ## Measure speed against limits and peers (under ten minutes); ARGS names benchmarks
	@$(SETUP)
	@$(BIN)/python -m benchmarks $(ARGS)

lint: ## Check style, dependencies, who imports whom, and that meltano.yml and the docs agree with --about
	@$(SETUP)
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m deptry . --no-ansi
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tools.settings --check
	@$(BIN)/python -m tools.coverage --check
	@$(BIN)/python -m tools.answers --check
	@$(BIN)/python -m tools.assumptions --check
	@$(BIN)/python -m tools.vendors --check
	@$(BIN)/python -m tools.dependencies --check
	@$(BIN)/python -m tools.lint_meltano

typecheck: ## Check types
	@$(SETUP)
	@$(BIN)/python -m mypy

settings: ## Write meltano.yml, .env.example, the settings tables and the generated pages of docs
	@$(SETUP)
	@$(BIN)/python -m tools.settings
	@$(BIN)/python -m tools.coverage
	@$(BIN)/python -m tools.answers
	@$(BIN)/python -m tools.assumptions
	@$(BIN)/python -m tools.vendors
	@$(BIN)/python -m tools.dependencies

docs: ## Build the documentation site into site/; any warning is an error
	@$(SETUP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --clean
	@echo "The site is in site/; \`$(BIN)/python -m http.server -d site\` shows it."

release-check: ## Build, check and install the wheel on each Python of this machine; ARGS="--get --tests none"
	@$(SETUP)
	@$(BIN)/python -m tools.release_check $(ARGS)

constraints: ## Renew constraints.txt, and what Airflow needs in deploy/airflow/requirements.txt
	@$(SETUP)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --upgrade \
		--all-extras --group dev --group docs --group release --no-header --no-annotate --no-emit-index-url \
		pyproject.toml --output-file constraints.txt
	@printf '%s\n' "apache-airflow>=3.3,<3.4" apache-airflow-providers-standard asyncpg psycopg2-binary PyYAML | \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --upgrade \
		--no-header --no-annotate --no-emit-index-url - --output-file deploy/airflow/requirements.txt

clean: ## Remove what was installed or built; Meltano's state and the ledger stay
	rm -rf .venv benchmarks/.envs output/demo output/fleet dist build site .venvs .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
