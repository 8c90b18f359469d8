# make demo: set up and convert a real model. make test: set up and pass all tests.
# make docs: build the site of docs/ in build/site.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP := pip install --quiet --disable-pip-version-check
DEMO := build/demo

.PHONY: demo test nightly docs clean

demo: build/venv/ready
	build/venv/bin/python examples/mnist/prepare.py
	FORCE_BF16=1 build/venv/bin/narrowcast run examples/mnist/mnist.yaml --search \
		--output $(DEMO) --plan $(DEMO)/mnist_cnn.plan.json

test: build/nox/ready
	build/nox/bin/nox

docs: build/docs/ready
	build/docs/bin/mkdocs build

nightly: build/nox/ready
	build/nox/bin/nox -s docs nightly nightly_core nightly_onnx nightly_tensorflow nightly_mxnet nightly_minilm

build/venv/ready: pyproject.toml setup.cfg setup.py constraints.txt
	$(PYTHON) -m venv build/venv
	build/venv/bin/$(PIP) -c constraints.txt -e '.[pytorch]'
	build/venv/bin/$(PIP) --no-deps -r examples/mnist/packages.txt
	touch $@

build/docs/ready: docs/building/packages.txt
	$(PYTHON) -m venv build/docs
	build/docs/bin/$(PIP) -r docs/building/packages.txt
	touch $@

build/nox/ready:
	$(PYTHON) -m venv build/nox
	build/nox/bin/$(PIP) 'nox>=2024.10'
	touch $@

clean:
	rm -rf build .nox .mypy_cache .ruff_cache .pytest_cache
