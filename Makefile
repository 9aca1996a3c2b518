# Each target sets up what it needs: an environment in .venv with the versions of requirements.lock.
PYTHON ?= python3
PY := .venv/bin/python
MONTH ?=

# prove: the slow proofs, large (they run small in the tests).
# bench: how fast, and against what, at 1M leads and 10M activities; takes twenty minutes on an idle machine. Each part
# writes its section of bench/RESULTS.md; larger sizes: see bench/facts.py.
.PHONY: report test prove bench lab sample lock clean

report: .venv/ready
	@$(PY) -m salesbook report $(if $(MONTH),--month $(MONTH))

test: .venv/ready .venv/spark
	$(PY) -m ruff check . && $(PY) -m ruff format --check .
	$(PY) -m pytest -n auto --dist loadfile
	$(PY) -m pytest -n auto --dist loadfile --nbval-lax --nbval-cell-timeout=300 notebooks

prove: .venv/ready
	$(PY) bench/prove_findings.py --companies 200 --months 12
	$(PY) bench/prove_report.py --kills 100 --levels 40

bench: .venv/ready
	$(PY) bench/importing.py --rounds 3
	$(PY) bench/facts.py
	$(PY) bench/report.py --rounds 1

lab: .venv/ready
	$(PY) -m jupyterlab notebooks

sample: .venv/ready
	$(PY) -m salesbook sample --out data/sample

# Needs uv (pip install uv): writes every version with its hashes.
lock:
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-package salesbook -o requirements.lock
	uv pip compile --group pyproject.toml:spark -c requirements.lock --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate -o requirements-spark.lock

.venv/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch .venv/ready

# Spark is large and most reports need none of it.
.venv/spark: .venv/ready requirements-spark.lock
	$(PY) -m pip install --quiet --require-hashes -r requirements-spark.lock
	@touch .venv/spark

clean:
	rm -rf .venv .salesbook build dist
