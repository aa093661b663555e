# demo   a migration from start to end on private servers    make demo SOURCE=... from a database of yours
# test   everything, on real servers that it fetches itself   lint, types   the style and the types
# test-matrix  every version of every server with every other    test-long  what takes many minutes: kills, large data
# bench  the measurements                                     venv          .venv with everything for development

PYTHON ?= python3
BIN := .venv/bin
SERVERS := PYTHON=$(BIN)/python tests/servers/install.sh
unexport PYTHONDONTWRITEBYTECODE # without byte code every start parses a hundred packages again

.PHONY: demo test test-matrix test-long lint types bench venv
demo: .venv/demo ; $(BIN)/landbridge demo $(if $(SOURCE),--source '$(SOURCE)')
test: .venv/dev ; $(SERVERS) && $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST)
test-matrix: .venv/dev ; $(SERVERS) && $(BIN)/python -m pytest -m matrix $(PYTEST)
test-long: .venv/dev ; $(SERVERS) && $(BIN)/python -m pytest -m long $(PYTEST)
lint: .venv/dev ; $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports
types: .venv/dev ; $(BIN)/mypy
bench: .venv/dev ; $(SERVERS) && $(BIN)/python -m tests.bench
venv: .venv/dev

$(BIN)/python: ; $(PYTHON) -m venv .venv
.venv/demo: pyproject.toml constraints.txt | $(BIN)/python ; $(BIN)/pip install -q -c constraints.txt -e . && touch $@
.venv/dev: pyproject.toml constraints.txt | $(BIN)/python ; $(BIN)/pip install -q -c constraints.txt -e '.[test,dev]' && touch $@ .venv/demo
