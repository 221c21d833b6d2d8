"""A bill that is found under our number: is it ours, and how is it changed."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from k3_world import DRESS, FORMS, SHOES, SITE, a_sale, an_item

from kingdee_adapter.k3cloud.bills import Posting, found, posting, replacing
from kingdee_adapter.k3cloud.domain import Found
from lemai_docking.documents import Document


def posted(document: Document) -> Posting:
    return posting(FORMS, SITE, document)


SALE_ROWS = [
    [100123, "A", "A", DRESS, "WH01", Decimal("1.0000000000")],
    [100123, "A", "A", SHOES, "WH01", Decimal(2)],
]


def look(rows: Sequence[Sequence[Any]]) -> Found | None:
    return found(FORMS.forms["SAL_SaleOrder"], posted(a_sale()).body, rows)


def test_a_bill_with_our_lines_is_ours_in_whatever_order() -> None:
    assert look(SALE_ROWS) == Found("100123", "A", cancelled=False, same=True)
    assert look(SALE_ROWS[::-1]) == Found("100123", "A", cancelled=False, same=True)


def test_nothing_found_is_nothing() -> None:
    assert look([]) is None


@pytest.mark.parametrize(
    "rows",
    [
        SALE_ROWS[:1],
        [*SALE_ROWS, SALE_ROWS[0]],
        [SALE_ROWS[0], [100123, "A", "A", SHOES, "WH01", 3]],
        [SALE_ROWS[0], [100123, "A", "A", SHOES, "WH02", 2]],
        [SALE_ROWS[0], [100123, "A", "A", DRESS, "WH01", 2]],
    ],
)
def test_other_lines_are_other_content(rows: Sequence[Sequence[Any]]) -> None:
    there = look(rows)
    assert there is not None
    assert not there.same


def test_a_cancelled_bill_is_seen_as_such() -> None:
    there = look([[*row[:2], "B", *row[3:]] for row in SALE_ROWS])
    assert there is not None
    assert there.cancelled


def test_an_item_is_compared_by_what_people_see() -> None:
    form, body = FORMS.forms["BD_MATERIAL"], posted(an_item()).body
    same: list[Any] = [55, "C", "婴儿连体衣", "红色;90cm", "CLS01", "面料100%棉", "Pcs", "6901234567892"]
    assert found(form, body, [same]) == Found("55", "C", cancelled=False, same=True)
    other = found(form, body, [[*same[:-1], None]])
    assert other is not None
    assert not other.same


def test_a_change_of_an_item_names_its_id_and_may_come_twice() -> None:
    changed = json.loads(replacing(FORMS.forms["BD_MATERIAL"], posted(an_item()).body, "55"))
    assert next(iter(changed["data"]["Model"].items())) == ("FMATERIALID", "55")
    assert changed["data"]["ValidateRepeatJson"] == "false"
