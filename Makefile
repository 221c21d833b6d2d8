# Everything runs in .venv, made from requirements.lock and made again when that or a member's pyproject.toml changes.
PYTHON ?= python3
BIN := .venv/bin
MEMBERS := $(patsubst %/,%,$(dir $(wildcard libs/*/pyproject.toml services/*/pyproject.toml sims/*/pyproject.toml) tools/pyproject.toml))
PROJECTS := $(addsuffix /pyproject.toml,$(MEMBERS))
NAMES := $(shell sed -n 's/^name = "\(.*\)"/\1/p' $(PROJECTS))
# Folders of tests share file names: each is checked in a run of its own.
TYPED := $(MEMBERS) conftest.py tests/conftest.py $(sort $(patsubst %/,%,$(dir $(wildcard tests/*/*.py bench/*.py))))
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup lock test check contracts prove bench demo up down reset clean

help: ## 显示本帮助 show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## 建立 .venv make the virtual environment

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "需要 Python ≥ 3.11，可用 PYTHON= 指定 needs Python ≥ 3.11, name it with PYTHON=")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check uv

$(INSTALLED): requirements.lock $(PROJECTS) | $(BIN)/uv
	@echo "安装依赖 installing into .venv"
	@$(BIN)/uv pip install --quiet --python .venv --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python .venv --no-deps --no-build-isolation $(addprefix -e ./,$(MEMBERS))
	@touch $@

lock: $(BIN)/uv ## 重写全部锁定文件 write the locks anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" \
		$(addprefix --no-emit-package ,$(NAMES)) --group pyproject.toml:dev $(PROJECTS) -o requirements.lock
	@$(MAKE) --no-print-directory setup
	@$(BIN)/python -m lemai_tools.platform.kafka
	@echo openapi-python-client | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" - -o tests/rest/client-requirements.lock

test: check ## 检查并运行全部测试 check, then run every test
	@$(BIN)/pytest -n auto --dist loadfile -m "not prove" libs services sims
	@$(BIN)/pytest -m "not prove" tools tests

check: $(INSTALLED) ## 静态检查 style, types, imports, dependencies, contracts
	@echo "ruff" && $(BIN)/ruff check --quiet && $(BIN)/ruff format --quiet --check
	@echo "mypy" && for target in $(TYPED); do $(BIN)/mypy --no-error-summary $$target || exit 1; done
	@echo "import-linter" && $(BIN)/lint-imports --no-logo
	@echo "deptry" && for member in $(MEMBERS); do (cd $$member && $(abspath $(BIN))/deptry --no-ansi src) 2>&1 || exit 1; done
	@echo "contracts" && $(BIN)/python -m lemai_contracts check

contracts: $(INSTALLED) ## 由模型重写契约 write the schemas and AsyncAPI from the models
	@$(BIN)/python -m lemai_contracts write

prove: $(INSTALLED) ## 规模、长稳与性能验证 sizes, soaks and marks (slow)
	@$(BIN)/pytest -m prove
	@$(MAKE) --no-print-directory bench

bench: $(INSTALLED) ## 性能指标，ONLY=name 只跑一项 measure the marks
	@$(BIN)/python -m bench $(ONLY)

demo: $(INSTALLED) ## 演示主流程，KEEP=1 结束后保留运行 show the main job on real input
	@$(BIN)/lemai demo $(if $(KEEP),--keep)

up: $(INSTALLED) ## 启动开发环境，SEED=1 放入演示数据 start everything until Ctrl-C
	@$(BIN)/lemai up $(if $(SEED),--seed)

down: $(INSTALLED) ## 停止 stop everything
	@$(BIN)/lemai down

reset: $(INSTALLED) ## 停止并清空数据 stop everything and forget its data
	@$(BIN)/lemai reset

clean: ## 停止并删除一切生成物 stop everything and remove all that was made
	@test ! -x $(BIN)/lemai || $(BIN)/lemai reset
	@rm -rf .venv .lemai .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
