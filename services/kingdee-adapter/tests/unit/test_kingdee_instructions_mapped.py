"""Our events become the documents that the reference prints (kingdee.md §1.6 and §1.14)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kingdee_world import CONSIGNEE, NOW, PROFILE, REFERENCE, SAMPLES, SHOES, an_instruction, an_item

from kingdee_adapter import mapper
from lemai_contracts.fulfilment import InstructedLine, OutboundInstructedV1
from lemai_contracts.values import Grade, Money, OrderKind
from lemai_docking.documents import Document
from lemai_docking.faults import DocumentRefused
from lemai_docking.profile import Profile, built_in
from lemai_docking.text_read import decode
from lemai_docking.text_write import frame, render

DELIVER = "Deliver_20261122100000.sh"


def written(document: Document, profile: Profile = PROFILE) -> dict[str, str]:
    """The head of a document as its line says it, by column."""
    columns = profile.interfaces[document.interface].columns
    return dict(
        zip(next(iter(columns.values())), render(profile, document).text.splitlines()[0].split("\t")[1:], strict=True)
    )


def instruction(**fields: Any) -> Document:
    return mapper.outbound_document(REFERENCE, an_instruction(**fields), CONSIGNEE)


def test_the_sample_instruction_comes_out_of_its_event_byte_for_byte() -> None:
    header = PROFILE.header("deliver_order", stamp=NOW, created_at=NOW, owner_code="JFY")

    file = frame(PROFILE, header, [render(PROFILE, instruction())])

    assert file.data == (SAMPLES / DELIVER).read_bytes()
    assert file.lines == (4,)


def test_the_sample_items_come_out_of_their_events() -> None:
    shoes = an_item(
        item_code=SHOES,
        item_name="学步鞋",
        goods_code="GB-SH-014",
        barcodes=("6901234567908",),
        specification="蓝色;22",
        color="蓝色",
        size="22",
        category_code="CLS02",
        category_name="童鞋",
        tag_price=Money.of(12900, "CNY"),
        retail_price=Money.of(9900, "CNY"),
        purchase_price=Decimal("18.00"),
        gross_weight=Decimal("0.320"),
        remark="",
    )

    lines = [render(PROFILE, mapper.item_document(item)).text.splitlines()[0] for item in (an_item(), shoes)]

    sample = (SAMPLES / "Item_20261122090000.im").read_text().splitlines()
    # ADD and UPDATE both keep what is new and replace what is known.
    assert lines == [line.replace("I\tADD", "I\tUPDATE") for line in sample[2:4]]


def test_the_platforms_token_goes_along_where_the_profile_has_a_column_for_it() -> None:
    masked = CONSIGNEE | {"name": "张*", "phone": "138****0000", "token": "oaid-1"}
    document = mapper.outbound_document(REFERENCE, an_instruction(), masked)

    head = written(document, built_in("kingdee-masked"))

    assert (head["receiver_name"], head["receiver_mobile"], head["receiver_oaid"]) == ("张*", "138****0000", "oaid-1")


def test_a_store_without_a_name_goes_by_its_code() -> None:
    assert written(instruction(store_code="TM-JFY-02"))["shop_name"] == "TM-JFY-02"


def test_gifts_and_defective_pieces_are_marked() -> None:
    line = changed_line(gift=True, grade=Grade.DEFECTIVE)

    (row,) = instruction(lines=[line]).records["L"]

    assert (row["is_gift"], row["inventory_type"]) == ("Y", "CC")


def test_an_item_no_longer_sold_is_disabled() -> None:
    head = written(mapper.item_document(an_item(valid=False)))

    assert (head["action_type"], head["is_valid"]) == ("DISABLE", "N")


def test_several_barcodes_are_joined_and_keep_their_zeros() -> None:
    head = written(mapper.item_document(an_item(barcodes=("0690001", "6901234567892"))))

    assert head["bar_code"] == "0690001;6901234567892"


@pytest.mark.parametrize(
    ("event", "field", "value", "expected"),
    [
        (an_instruction(platform="temu"), "platform_code", "temu", "lemai.yaml document_codes"),
        (an_instruction(store_code="TM-GONE"), "shop_name", "TM-GONE", "lemai.yaml stores"),
        (an_instruction(total=Money.of(129, "JPY")), "total_amount", "129 JPY", "CNY"),
    ],
)
def test_what_kingdee_has_no_word_for_is_refused_and_named(
    event: OutboundInstructedV1, field: str, value: str, expected: str
) -> None:
    with pytest.raises(DocumentRefused) as refusal:
        mapper.outbound_document(REFERENCE, event, CONSIGNEE)

    (fault,) = refusal.value.faults
    assert (fault.code, fault.field, fault.value, fault.expected) == ("E_FIELD", field, value, expected)


def test_a_price_in_another_currency_is_refused() -> None:
    with pytest.raises(DocumentRefused, match=r"9\.90 USD"):
        mapper.item_document(an_item(retail_price=Money.of(990, "USD")))


def test_a_consignee_without_address_is_refused_when_written() -> None:
    document = mapper.outbound_document(REFERENCE, an_instruction(), {"name": "张三", "phone": "13800000000"})

    with pytest.raises(DocumentRefused) as refusal:
        render(PROFILE, document)

    assert [fault.field for fault in refusal.value.faults] == ["receiver_province", "receiver_city", "receiver_address"]


@pytest.mark.parametrize("kind", OrderKind)
def test_every_order_kind_has_one_word_there_and_back(kind: OrderKind) -> None:
    assert mapper.KINDS[mapper.ORDER_TYPES[kind]] is kind


minor = st.integers(0, 10**15)


@given(
    total=minor, discount=minor, lines=st.lists(st.tuples(st.integers(1, 10**9), minor, minor), min_size=1, max_size=5)
)
def test_amounts_and_quantities_survive_the_file(total: int, discount: int, lines: list[tuple[int, int, int]]) -> None:
    event = an_instruction(
        total=Money.of(total, "CNY"),
        discount=Money.of(discount, "CNY"),
        lines=[
            changed_line(line_no=number, quantity=quantity, amount=Money.of(amount, "CNY"), unit_price=price)
            for number, (quantity, amount, micros) in enumerate(lines, 1)
            for price in [Decimal(micros).scaleb(-6)]
        ],
    )
    header = PROFILE.header("deliver_order", stamp=NOW, created_at=NOW, owner_code="JFY")
    document = mapper.outbound_document(REFERENCE, event, CONSIGNEE)

    (read,) = decode(PROFILE, DELIVER, frame(PROFILE, header, [render(PROFILE, document)]).data).documents

    assert (read.head["total_amount"], read.head["discount_amount"]) == (event.total.amount, event.discount.amount)
    rows = [(row["plan_qty"], row["line_amount"], row["actual_price"]) for row in read.records["L"]]
    assert rows == [(line.quantity, line.amount.amount, line.unit_price) for line in event.lines]


@given(st.integers(0, 4 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_times_are_written_as_shanghais_wall_clock(moment: datetime) -> None:
    text = written(instruction(paid_at=moment))["paid_at"]

    assert datetime.fromisoformat(f"{text}+08:00") == moment


def changed_line(**fields: Any) -> InstructedLine:
    return InstructedLine.model_validate(an_instruction().lines[0].model_dump() | fields)
