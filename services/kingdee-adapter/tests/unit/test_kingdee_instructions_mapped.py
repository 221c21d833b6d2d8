"""Our events become the documents that the reference prints (kingdee.md §1.6 to §1.14)."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kingdee_world import CODEC, CONSIGNEE, NOW, PROFILE, REFERENCE, SAMPLES, SHOES, an_instruction, an_item, changed

from kingdee_adapter.mapper.codes import KINDS, ORDER_TYPES
from kingdee_adapter.mapper.instructions import Instruction, Person, document_of
from lemai_contracts import Event
from lemai_contracts.examples import example
from lemai_contracts.fulfilment import (
    AdjustmentInstructedV1,
    CustomerReturnInstructedV1,
    InboundInstructedV1,
    InstructedLine,
    SupplierReturnInstructedV1,
)
from lemai_contracts.values import Grade, Leg, Money, OrderKind
from lemai_docking.definitions.profile import Profile, built_in
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of
from lemai_docking.faults import DocumentRefused

DELIVER = "Deliver_20261122100000.sh"


def written(document: Document, profile: Profile = PROFILE) -> dict[str, str]:
    """The head of a document as its line says it, by column."""
    columns = next(iter(profile.interfaces[document.interface].columns.values()))
    cells = codec_of(profile).render(document).text.splitlines()[0].split("\t")[1:]
    return dict(zip((column.field for column in columns), cells, strict=True))


def instruction(**fields: Any) -> Document:
    return document_of(REFERENCE, an_instruction(**fields), CONSIGNEE)


def test_the_sample_instruction_comes_out_of_its_event_byte_for_byte() -> None:
    header = PROFILE.header("deliver_order", stamp=NOW, created_at=NOW, owner_code="JFY")

    file = CODEC.frame(header, [CODEC.render(instruction())])

    assert file.data == (SAMPLES / DELIVER).read_bytes()
    assert file.lines == (4,)


SUPPLIER = CONSIGNEE | {"name": "李四", "phone": "13900000000", "district": "萧山区", "address": "市心北路1号"}


@pytest.mark.parametrize(
    ("event", "party", "name", "stamp"),
    [
        (SupplierReturnInstructedV1, SUPPLIER, "ReturnNote_20261122100500.sh", NOW + timedelta(minutes=5)),
        (InboundInstructedV1, {}, "Receipt_20261122101000.rc", NOW + timedelta(minutes=10)),
        (CustomerReturnInstructedV1, CONSIGNEE, "Deliver_20261128100000.rc", NOW + timedelta(days=6)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_other_sample_comes_out_of_its_event_byte_for_byte(
    event: type[Event], party: Person, name: str, stamp: datetime
) -> None:
    document = document_of(REFERENCE, cast(Instruction, example(event)), party)
    header = PROFILE.header(document.interface, stamp=stamp, created_at=stamp, owner_code="JFY")

    file = CODEC.frame(header, [CODEC.render(document)])

    sample = (SAMPLES / name).read_bytes()
    # The numbers of the samples' messages all end in 1, ours in the number of the interface.
    assert without_message_id(file.data) == without_message_id(sample)


def without_message_id(data: bytes) -> list[str]:
    lines = data.decode().splitlines()[:-1]
    return [re.sub(r"\tLQ[0-9]{20}\t", "\tLQ\t", line) for line in lines]


@pytest.mark.parametrize("kind", [OrderKind.EXCHANGE, OrderKind.RESEND])
def test_an_exchange_and_a_resend_name_the_order_they_are_about(kind: OrderKind) -> None:
    document = instruction(order_no=f"2611220001-{kind[0]}", kind=kind, original_order_no="2611220001")

    assert (document.head["order_type"], document.head["original_order_no"]) == (kind.name, "2611220001")


def test_who_picks_up_a_supplier_return_is_named() -> None:
    picker = {"picker_name": "王五", "picker_phone": "13700000000", "picker_id_no": "", "picker_car_no": "浙A12345"}
    event = changed(example(SupplierReturnInstructedV1), transport="SELF_PICKUP")

    head = document_of(REFERENCE, event, SUPPLIER | picker).head

    named = {name: value for name, value in head.items() if name.startswith("picker_")}
    assert named == {"picker_name": "王五", "picker_mobile": "13700000000", "picker_car_no": "浙A12345"}
    assert head["transport_mode"] == "SELF_PICKUP"


def test_what_may_be_received_too_much_and_free_of_charge_is_said_line_by_line() -> None:
    (line,) = example(InboundInstructedV1).lines
    event = changed(example(InboundInstructedV1), lines=[line.model_dump() | {"gift": True, "over_percent": "2.5"}])

    (row,) = document_of(REFERENCE, event, {}).records["L"]

    assert (row["is_gift"], row["over_rate"], row["sku_property"]) == ("Y", Decimal("2.5"), "红色;90cm")


@pytest.mark.parametrize(
    ("leg", "interface", "approver"), [(Leg.OUT, "deliver_order", "auditor"), (Leg.IN, "receipt_order", "operator")]
)
def test_a_loss_leaves_and_a_gain_arrives_without_anybody_to_send_it(leg: Leg, interface: str, approver: str) -> None:
    document = document_of(REFERENCE, changed(example(AdjustmentInstructedV1), leg=leg), {})

    head = document.head
    assert (document.interface, head["order_type"], head["remark"]) == (interface, "ADJUST", "月末盘点")
    assert head[approver] == "manager01"
    assert [name for name in head if name.startswith(("receiver", "sender", "platform", "shop"))] == []
    assert [row["plan_qty"] for row in document.records["L"]] == [2]
    assert written(document, built_in("kingdee-masked"))["order_type"] == "ADJUST"


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
        purchase_price=Money(amount=Decimal("18.00"), currency="CNY"),
        gross_weight=Decimal("0.320"),
        remark="",
    )

    lines = [CODEC.render(document_of(REFERENCE, item, {})).text.splitlines()[0] for item in (an_item(), shoes)]

    sample = (SAMPLES / "Item_20261122090000.im").read_text().splitlines()
    # ADD and UPDATE both keep what is new and replace what is known.
    assert lines == [line.replace("I\tADD", "I\tUPDATE") for line in sample[2:4]]


def test_the_platforms_token_goes_along_where_the_profile_has_a_column_for_it() -> None:
    masked = CONSIGNEE | {"name": "张*", "phone": "138****0000", "token": "oaid-1"}
    document = document_of(REFERENCE, an_instruction(), masked)

    head = written(document, built_in("kingdee-masked"))

    assert (head["receiver_name"], head["receiver_mobile"], head["receiver_oaid"]) == ("张*", "138****0000", "oaid-1")


def test_a_store_without_a_name_goes_by_its_code() -> None:
    assert written(instruction(store_code="TM-JFY-02"))["shop_name"] == "TM-JFY-02"


def test_gifts_and_defective_pieces_are_marked() -> None:
    line = changed_line(gift=True, grade=Grade.DEFECTIVE)

    (row,) = instruction(lines=[line]).records["L"]

    assert (row["is_gift"], row["inventory_type"]) == ("Y", "CC")


def test_an_item_no_longer_sold_is_disabled() -> None:
    head = written(document_of(REFERENCE, an_item(valid=False), {}))

    assert (head["action_type"], head["is_valid"]) == ("DISABLE", "N")


def test_several_barcodes_are_joined_and_keep_their_zeros() -> None:
    head = written(document_of(REFERENCE, an_item(barcodes=("0690001", "6901234567892")), {}))

    assert head["bar_code"] == "0690001;6901234567892"


@pytest.mark.parametrize(
    ("event", "field", "value", "expected"),
    [
        (an_instruction(platform="temu"), "platform_code", "temu", "lemai.yaml document_codes"),
        (an_instruction(store_code="TM-GONE"), "shop_name", "TM-GONE", "lemai.yaml stores"),
        (
            changed(example(SupplierReturnInstructedV1), supplier_code="V1"),
            "supplier_code",
            "V1",
            "lemai.yaml suppliers",
        ),
        (an_instruction(total=Money.of(129, "JPY")), "total_amount", "129 JPY", "CNY"),
    ],
)
def test_what_kingdee_has_no_word_for_is_refused_and_named(
    event: Instruction, field: str, value: str, expected: str
) -> None:
    with pytest.raises(DocumentRefused) as refusal:
        document_of(REFERENCE, event, CONSIGNEE)

    (fault,) = refusal.value.faults
    assert (fault.code, fault.field, fault.value, fault.expected) == ("E_FIELD", field, value, expected)


def test_a_price_in_another_currency_is_refused() -> None:
    with pytest.raises(DocumentRefused, match=r"9\.90 USD"):
        document_of(REFERENCE, an_item(retail_price=Money.of(990, "USD")), {})


def test_a_consignee_without_address_is_refused_when_written() -> None:
    document = document_of(REFERENCE, an_instruction(), {"name": "张三", "phone": "13800000000"})

    with pytest.raises(DocumentRefused) as refusal:
        CODEC.render(document)

    assert [fault.field for fault in refusal.value.faults] == ["receiver_province", "receiver_city", "receiver_address"]


@pytest.mark.parametrize("kind", OrderKind)
def test_every_order_kind_has_one_word_there_and_back(kind: OrderKind) -> None:
    assert KINDS[ORDER_TYPES[kind]] is kind


minor = st.integers(0, 10**15)


@given(
    freight=minor,
    discount=minor,
    lines=st.lists(st.tuples(st.integers(1, 10**9), minor, minor), min_size=1, max_size=5),
)
def test_amounts_and_quantities_survive_the_file(
    freight: int, discount: int, lines: list[tuple[int, int, int]]
) -> None:
    goods = sum(amount for _, amount, _ in lines)
    event = an_instruction(
        goods=Money.of(goods, "CNY"),
        discount=Money.of(discount, "CNY"),
        freight=Money.of(freight, "CNY"),
        total=Money.of(goods - discount + freight, "CNY"),
        lines=[
            changed_line(line_no=number, quantity=quantity, amount=Money.of(amount, "CNY"), unit_price=price)
            for number, (quantity, amount, micros) in enumerate(lines, 1)
            for price in [Decimal(micros).scaleb(-6)]
        ],
    )
    header = PROFILE.header("deliver_order", stamp=NOW, created_at=NOW, owner_code="JFY")
    document = document_of(REFERENCE, event, CONSIGNEE)

    (read,) = CODEC.decode(DELIVER, CODEC.frame(header, [CODEC.render(document)]).data).documents

    assert (read.head["total_amount"], read.head["discount_amount"]) == (event.total.amount, event.discount.amount)
    rows = [(row["plan_qty"], row["line_amount"], row["actual_price"]) for row in read.records["L"]]
    assert rows == [(line.quantity, line.amount.amount, line.unit_price) for line in event.lines]


@given(st.integers(0, 4 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC)))
def test_times_are_written_as_shanghais_wall_clock(moment: datetime) -> None:
    text = written(instruction(paid_at=moment))["paid_at"]

    assert datetime.fromisoformat(f"{text}+08:00") == moment


def changed_line(**fields: Any) -> InstructedLine:
    return InstructedLine.model_validate(an_instruction().lines[0].model_dump() | fields)
