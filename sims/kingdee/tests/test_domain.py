"""What each script reports, and that no script ever moves more than was asked or lies on the shelf."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_kingdee.carriers import waybill
from sim_kingdee.domain import Behaviour, Confirmation, Line, confirm, state_after

PLENTY = {("A", "ZP"): 100, ("B", "ZP"): 100}


def a_line(line_no: int = 1, item_code: str = "A", plan_qty: int = 1, done_qty: int = 0) -> Line:
    return Line(line_no, item_code, "ZP", plan_qty, done_qty, "")


ORDER = (a_line(1, "A", 1), a_line(2, "B", 2))


def test_full_ships_everything_at_once() -> None:
    confirmation = confirm("OUT", Behaviour.FULL, ORDER, PLENTY)

    assert confirmation == Confirmation("DELIVERED", is_final=True, quantities={1: 1, 2: 2})
    assert state_after(confirmation, ORDER) == "DONE"


def test_two_parcels_ships_the_larger_half_first_and_the_rest_after_it() -> None:
    first = confirm("OUT", Behaviour.TWO_PARCELS, ORDER, PLENTY)
    rest = (a_line(1, "A", 1, done_qty=1), a_line(2, "B", 2, done_qty=1))
    second = confirm("OUT", Behaviour.TWO_PARCELS, rest, PLENTY)

    assert first == Confirmation("PARTDELIVERED", is_final=False, quantities={1: 1, 2: 1})
    assert state_after(first, ORDER) == "PART_DONE"
    assert second == Confirmation("DELIVERED", is_final=True, quantities={2: 1})
    assert state_after(second, rest) == "DONE"


def test_a_single_piece_cannot_go_in_two_parcels() -> None:
    confirmation = confirm("OUT", Behaviour.TWO_PARCELS, (a_line(),), PLENTY)

    assert confirmation == Confirmation("DELIVERED", is_final=True, quantities={1: 1})


@pytest.mark.parametrize(
    ("lines", "status", "quantities"),
    [
        (ORDER, "DELIVERED", {1: 1, 2: 1}),
        ((a_line(1, "A", 3), a_line(2, "B", 1)), "DELIVERED", {1: 3, 2: 0}),
        ((a_line(1, "A", 1),), "CLOSED", {1: 0}),
    ],
)
def test_short_leaves_one_piece_of_the_last_line_behind(
    lines: tuple[Line, ...], status: str, quantities: dict[int, int]
) -> None:
    confirmation = confirm("OUT", Behaviour.SHORT, lines, PLENTY)

    assert confirmation == Confirmation(status, is_final=True, quantities=quantities)
    assert state_after(confirmation, lines) == "DONE_SHORT"


def test_reject_reports_zero_on_every_line() -> None:
    confirmation = confirm("OUT", Behaviour.REJECT, ORDER, PLENTY)

    assert confirmation == Confirmation("REJECT", is_final=True, quantities={1: 0, 2: 0})
    assert state_after(confirmation, ORDER) == "REJECTED"


def test_a_thin_shelf_serves_the_first_lines_first() -> None:
    lines = (a_line(1, "A", 2), a_line(2, "A", 2))

    confirmation = confirm("OUT", Behaviour.FULL, lines, {("A", "ZP"): 3})

    assert confirmation == Confirmation("DELIVERED", is_final=True, quantities={1: 2, 2: 1})
    assert state_after(confirmation, lines) == "DONE_SHORT"


def test_goods_that_arrive_need_no_shelf() -> None:
    assert confirm("IN", Behaviour.FULL, ORDER, None).status == "FULFILLED"
    assert confirm("IN", Behaviour.TWO_PARCELS, ORDER, None).status == "PARTFULFILLED"


LINES = st.lists(st.tuples(st.sampled_from("AB"), st.integers(1, 5)), min_size=1, max_size=4)
SPEAKING = st.sampled_from([behaviour for behaviour in Behaviour if behaviour.is_answered])


@pytest.mark.parametrize(
    ("behaviour", "status"), [(Behaviour.STATUS_ONLY, "ACCEPT"), (Behaviour.EXCEPTION, "EXCEPTION")]
)
def test_a_status_comes_before_the_goods_and_changes_nothing(behaviour: Behaviour, status: str) -> None:
    lines = [a_line(1, plan_qty=2)]

    first = confirm("IN", behaviour, lines, None)
    second = confirm("IN", behaviour, lines, None, told=1)

    assert first == Confirmation(status, is_final=False, quantities={})
    assert state_after(first, lines) == "NEW"
    assert second == Confirmation("FULFILLED", is_final=True, quantities={1: 2})


def test_the_last_piece_that_arrives_is_damaged() -> None:
    lines = [a_line(1, plan_qty=2), a_line(2, plan_qty=3), a_line(3, plan_qty=1, done_qty=1)]

    assert confirm("IN", Behaviour.DAMAGED, lines, None).damaged == {2: 1}
    assert confirm("OUT", Behaviour.DAMAGED, lines, {("A", "ZP"): 9}).damaged == {}


@given(LINES, st.integers(0, 12), st.integers(0, 12), SPEAKING)
def test_every_order_ends_within_two_confirmations_and_never_ships_too_much(
    asked: list[tuple[str, int]], on_shelf_a: int, on_shelf_b: int, behaviour: Behaviour
) -> None:
    lines = tuple(a_line(n, item_code, pieces) for n, (item_code, pieces) in enumerate(asked, start=1))
    shelf = {("A", "ZP"): on_shelf_a, ("B", "ZP"): on_shelf_b}

    for told in range(2):
        confirmation = confirm("OUT", behaviour, lines, shelf, told=told)
        for line in lines:
            shelf[line.item_code, "ZP"] -= confirmation.quantities.get(line.line_no, 0)
        lines = tuple(
            a_line(n.line_no, n.item_code, n.plan_qty, n.done_qty + confirmation.quantities.get(n.line_no, 0))
            for n in lines
        )
        if confirmation.is_final:
            break

    assert confirmation.is_final
    assert all(line.done_qty <= line.plan_qty for line in lines)
    assert min(shelf.values()) >= 0


@pytest.mark.parametrize(
    ("carrier", "pattern"),
    [
        ("SF", r"SF\d{13}"),
        ("YTO", r"YT\d{13}"),
        ("ZTO", r"73\d{12}"),
        ("STO", r"77\d{13}"),
        ("YUNDA", r"43\d{13}"),
        ("EMS", r"11\d{11}"),
        ("DBL", r"DPK\d{10}"),
        ("OTHER", r"OTHER\d{12}"),
    ],
)
def test_a_waybill_has_its_carriers_form(carrier: str, pattern: str) -> None:
    assert re.fullmatch(pattern, waybill(carrier, "1:JFY:SHP-1-1"))


def test_a_waybill_depends_on_its_seed_alone() -> None:
    assert waybill("SF", "1:JFY:SHP-1-1") == waybill("SF", "1:JFY:SHP-1-1")
    assert waybill("SF", "1:JFY:SHP-1-1") != waybill("SF", "1:JFY:SHP-1-2")
    assert waybill("SF", "1:JFY:SHP-1-1") != waybill("SF", "2:JFY:SHP-1-1")
