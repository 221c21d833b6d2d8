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
    """`ratio` is ours ÷ reference. Rates are per second, times in seconds."""

    value: float
    unit: str
    reference: float
    ratio: float
    note: str


def merge(results: Mapping[str, Result], path: Path = RESULTS) -> None:
    """Write results into the file, keeping those of benchmarks that did not run."""
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    merged = dict(sorted((known | {name: asdict(result) for name, result in results.items()}).items()))
    path.write_text(json.dumps(merged, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(results: Mapping[str, Result]) -> None:
    """Print them as a table."""
    table = Table("名称 name", "结果 value", "单位 unit", "参照 reference", "比值 ratio", "说明 note")
    for name, result in results.items():
        figures = (f"{result.value:,.1f}", result.unit, f"{result.reference:,.1f}", f"{result.ratio:.2f}")
        table.add_row(name, *figures, result.note)
    Console().print(table)
