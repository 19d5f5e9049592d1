# The two commands of the README. What they need is set up by packaging/bootstrap.py.
PYTHON ?= python3

.PHONY: run test clean
run:
	@$(PYTHON) packaging/bootstrap.py run $(ARGS)
test:
	@$(PYTHON) packaging/bootstrap.py test $(ARGS)
clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
