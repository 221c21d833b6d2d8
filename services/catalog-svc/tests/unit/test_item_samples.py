"""The committed sample sheets are what their program makes, and both say the same."""

import runpy
from datetime import UTC, datetime
from pathlib import Path

from catalog_svc.domain.item_sheets import COLUMNS, Known, Preview, compare
from catalog_svc.domain.sheets import read_sheet
from catalog_svc.spreadsheets import read_lines

SAMPLES = Path(__file__).parents[2] / "samples"


def preview_of(path: Path) -> Preview:
    reading = read_sheet(read_lines(path.read_bytes()), COLUMNS, ["item_code"])
    return compare(reading, "JFY", Known({}, {}), datetime(2026, 11, 22, tzinfo=UTC))


def test_both_samples_add_the_same_200_items() -> None:
    preview = preview_of(SAMPLES / "items.csv")

    assert len(preview.added) == 200
    assert preview.refused == ()
    assert preview_of(SAMPLES / "items.xlsx") == preview


def test_the_samples_have_combos_barcodes_with_leading_zeros_and_several_barcodes() -> None:
    added = preview_of(SAMPLES / "items.xlsx").added

    assert sum(bool(item.components) for item in added) == 8
    assert sum(item.barcodes[0].startswith("00") for item in added) == 32
    assert sum(len(item.barcodes) == 2 for item in added) == 16


def test_the_samples_are_what_their_program_makes(tmp_path: Path) -> None:
    program = runpy.run_path(str(SAMPLES / "make_samples.py"))
    rows = program["make_rows"]()
    program["write_csv"](rows, tmp_path / "items.csv")
    program["write_xlsx"](rows, tmp_path / "items.xlsx")

    assert (tmp_path / "items.csv").read_bytes() == (SAMPLES / "items.csv").read_bytes()
    assert preview_of(tmp_path / "items.xlsx") == preview_of(SAMPLES / "items.xlsx")
