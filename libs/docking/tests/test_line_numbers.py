from decimal import Decimal

import pytest

from lemai_docking.documents import Document, Row
from lemai_docking.encodings.line_numbers import InstructedLine, numbered

CHEAP, DEAR = Decimal("35.00"), Decimal("69.00")


def a_result(*lines: tuple[str, int]) -> Document:
    rows: list[Row] = [{"item_code": item, "actual_qty": pieces} for item, pieces in lines]
    return Document("ship_result", {"line_count": len(rows)}, {"L": rows}, line_no=7)


def numbers(document: Document) -> list[tuple[object, object, object]]:
    return [(row["line_no"], row["item_code"], row["actual_qty"]) for row in document.records["L"]]


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ([("A", 1), ("B", 2)], [(1, "A", 1), (2, "B", 2)]),
        ([("A", 4)], [(1, "A", 2), (3, "A", 2)]),
        ([("A", 2)], [(1, "A", 2)]),
        ([("A", 1), ("A", 1), ("A", 1)], [(1, "A", 1), (1, "A", 1), (3, "A", 1)]),
        ([("A", 9)], [(1, "A", 2), (3, "A", 7)]),
        ([("A", 0)], [(1, "A", 0)]),
        ([("C", 1), ("D", 1)], [(4, "C", 1), (5, "D", 1)]),
    ],
)
def test_pieces_fill_the_lines_of_their_item_in_order(
    reported: list[tuple[str, int]], expected: list[tuple[int, str, int]]
) -> None:
    instructed = [
        InstructedLine(3, "A", 3, CHEAP),
        InstructedLine(1, "A", 2, CHEAP),
        InstructedLine(2, "B", 2, DEAR),
    ]

    document, faults = numbered(a_result(*reported), instructed)

    assert numbers(document) == expected
    assert document.head["line_count"] == len(expected)
    assert faults == []


def test_lines_of_one_item_at_different_prices_are_a_guess() -> None:
    instructed = [InstructedLine(1, "A", 1, DEAR), InstructedLine(2, "A", 1, CHEAP)]

    document, faults = numbered(a_result(("A", 1)), instructed)

    assert numbers(document) == [(1, "A", 1)]
    assert [(fault.code, fault.line, fault.field, fault.value) for fault in faults] == [
        ("W_LINE_GUESS", 7, "line_no", "A")
    ]


def test_a_number_that_is_there_is_kept() -> None:
    row: Row = {"line_no": 2, "item_code": "A", "actual_qty": 1}
    result = Document("ship_result", {}, {"L": [row]})

    assert numbered(result, [InstructedLine(1, "A", 1)]) == (result, [])
