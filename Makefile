# Two commands on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# The versions the tests were last run with; remove the pins to try the newest.
TORCH ?= torch==2.13.0 torchvision==0.28.0

# What the demo needs is the plain package, and a photo.
$(VENV)/.base: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable . scikit-image
	touch $@

.PHONY: demo test coverage test-install test-plain test-ui test-web test-ray check docs docs-python clean

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet $(TORCH) --editable '.[test,codecs]'
	touch $@

demo: $(VENV)/.base
	$(BIN)/python benchmarks/demo.py --out demo

test: $(VENV)/.installed
	$(BIN)/python -m pytest

# How much of the package and the command line the tests run.
coverage: $(VENV)/.installed
	$(BIN)/python -m pytest --cov=aecodec --cov=aecodec_cli --cov-report=term:skip-covered

# What a plain `pip install .` leaves behind, used away from the checkout.
test-install: $(VENV)/.installed
	rm -rf build
	$(BIN)/pip install --quiet --no-deps --upgrade --target build/site .
	$(BIN)/python -c "import skimage.data, PIL.Image as I; I.fromarray(skimage.data.coffee()).save('build/photo.png')"
	cd build && PYTHONPATH=site site/bin/aecodec compress photo.png --force
	cd build && PYTHONPATH=site site/bin/aecodec decompress photo.aec -o restored.png --force
	cd build && PYTHONPATH=site site/bin/aecodec compare photo.png photo.aec
	cd build && PYTHONPATH=site site/bin/aecodec denoise photo.png -o clean.png --force

# A plain installation, without torch, in an environment of its own.
test-plain: $(VENV)/.installed
	rm -rf build
	$(PYTHON) -m venv build/plain
	build/plain/bin/pip install --quiet .
	du -sm build/plain
	! build/plain/bin/python -c "import torch" 2> /dev/null
	$(BIN)/python -c "import skimage.data, PIL.Image as I; I.fromarray(skimage.data.coffee()).save('build/photo.png')"
	cd build && plain/bin/aecodec compress photo.png
	cd build && plain/bin/aecodec decompress photo.aec -o restored.png
	cd build && plain/bin/aecodec hash photo.png photo.aec
	cd build && plain/bin/aecodec index photo.png --index index.sqlite3
	cd build && plain/bin/aecodec search photo.aec --index index.sqlite3

# In a real browser: needs Chromium and its driver (Debian: chromium, chromium-driver).
test-ui: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[ui]' selenium
	$(BIN)/python -m pytest tests/cli/test_ui.py

# The decoder in JavaScript: needs Node 20.19 or later and npm; with Chromium or Firefox, in these
# too.
test-web: $(VENV)/.installed
	npm install --no-audit --no-fund --prefix tests/web
	$(BIN)/python -m pytest tests/web

# With a Ray cluster of its own and a server that speaks S3, both on this machine.
test-ray: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable '.[ray]' 'moto[server,s3]>=5'
	$(BIN)/python -m pytest tests/cli/test_ray.py

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What is generated: the command line's reference from its help.
docs: $(VENV)/.installed
	$(BIN)/python docs/cli_reference.py

# The docstrings as pages, in build/python, which git ignores: modules of docs/reference/python.md.
PUBLIC = aecodec aecodec.errors aecodec.images aecodec.codec.codec aecodec.codec.rate_control \
	aecodec.denoising.denoiser aecodec.hashing.hasher aecodec.autoencoders \
	aecodec.evaluation.metrics aecodec.evaluation.bd_rate aecodec.training.drawn \
	aecodec.workflows.compress aecodec.workflows.search aecodec.workflows.denoise \
	aecodec.workflows.gallery aecodec.workflows.folder_search aecodec.workflows.anomalies \
	aecodec.workflows.datasets aecodec.workflows.estimators aecodec.workflows.explore

docs-python: $(VENV)/.installed
	$(BIN)/pip install --quiet pdoc
	$(BIN)/python -m pdoc --docformat google --output-directory build/python $(PUBLIC)

clean:
	rm -rf $(VENV) build demo *.egg-info
