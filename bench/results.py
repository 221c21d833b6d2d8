"""What a benchmark found: a value, the reference measured in the same run, and their ratio."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class Result:
    """`ratio` is ours ÷ reference, None where nothing compares. Rates are per second, times in seconds."""

    value: float
    unit: str
    reference: float | None
    ratio: float | None
    note: str
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


def merge(results: Mapping[str, Result], path: Path = RESULTS) -> None:
    """Write results into the file, keeping those of benchmarks that did not run."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    merged = dict(sorted((known | {name: _known(result) for name, result in results.items()}).items()))
    path.write_text(json.dumps(merged, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _known(result: Result) -> Mapping[str, float | str]:
    return {name: value for name, value in asdict(result).items() if value is not None}


def _shown(figure: float | None, form: str) -> str:
    return "" if figure is None else format(figure, form)


def show(results: Mapping[str, Result]) -> None:
    """Print them as a table."""
    table = Table("名称 name", "结果 value", "单位 unit", "参照 reference", "比值 ratio", "说明 note")
    for name, result in results.items():
        figures = (f"{result.value:,.1f}", result.unit, _shown(result.reference, ",.1f"), _shown(result.ratio, ".2f"))
        table.add_row(name, *figures, result.note)
    Console().print(table)
