# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# The versions the tests were last run with; remove the pins to try the newest.
TORCH ?= torch==2.13.0 torchvision==0.28.0

.PHONY: demo test test-ui test-ray check clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet $(TORCH) --editable '.[test,codecs]'
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python benchmarks/demo.py --out demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest

# In a real browser: needs Chromium and its driver (Debian: chromium, chromium-driver).
test-ui: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[ui]' selenium
	$(BIN)/python -m pytest tests/cli/test_ui.py

# With a Ray cluster of its own and a server that speaks S3, both on this machine.
test-ray: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[ray]' 'moto[server,s3]>=5'
	$(BIN)/python -m pytest tests/cli/test_ray.py

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build demo *.egg-info
