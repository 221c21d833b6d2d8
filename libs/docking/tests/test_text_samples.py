from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from lemai_docking.codec import encode
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.choice import codec_of

Sample = Callable[[str], bytes]


def test_every_sample_is_written_again_byte_for_byte(profile: Profile, sample: Sample, sample_name: str) -> None:
    data = sample(sample_name)

    decoded = codec_of(profile).decode(sample_name, data)

    assert decoded.rejected == []
    assert decoded.warnings == []
    assert encode(codec_of(profile), decoded.header, decoded.documents).data == data


def test_the_samples_cover_the_ten_interfaces(profile: Profile, sample: Sample) -> None:
    names = [
        "Deliver_20261122100000.sh",
        "SHIP-20261122152100.shupl",
        "ReturnNote_20261122100500.sh",
        "SHIP-20261125110300.shupl",
        "Receipt_20261122101000.rc",
        "RECV-20261126141200.rcupl",
        "Deliver_20261128100000.rc",
        "RECV-20261130164600.rcupl",
        "Item_20261122090000.im",
        "IBAL-20261122020500.Ibupl",
    ]

    assert [codec_of(profile).decode(name, sample(name)).header.interface for name in names] == list(layouts())


def test_values_have_their_types_and_times_are_utc(profile: Profile, sample: Sample) -> None:
    name = "Deliver_20261122100000.sh"

    (order,) = codec_of(profile).decode(name, sample(name)).documents

    assert order.line_no == 4
    assert order.head["placed_at"] == datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
    assert order.head["total_amount"] == Decimal("129.00")
    assert order.head["buyer_message"] == "送货前请电联\n100%纯棉对吗？"
    assert order.head["platform_order_no"] == "3021456789012345678"
    assert [(line["line_no"], line["plan_qty"], line["actual_price"]) for line in order.records["L"]] == [
        (1, 1, Decimal("69.00")),
        (2, 2, Decimal("35.00")),
    ]


def test_an_empty_value_is_absent_unless_it_has_a_default(profile: Profile, sample: Sample) -> None:
    note = "ReturnNote_20261122100500.sh"
    items = "Item_20261122090000.im"

    (supplier_return,) = codec_of(profile).decode(note, sample(note)).documents
    second = codec_of(profile).decode(items, sample(items)).documents[1]

    assert supplier_return.head["schedule_date"] == date(2026, 11, 25)
    assert "remark" not in second.head
    assert second.head["is_fragile"] == "N"


def test_packages_keep_their_place_in_the_document(profile: Profile, sample: Sample) -> None:
    name = "SHIP-20261122152100.shupl"

    (shipped,) = codec_of(profile).decode(name, sample(name)).documents

    assert shipped.records["P"] == [
        {
            "package_no": "1",
            "logistics_code": "SF",
            "logistics_name": "顺丰速运",
            "express_no": "SF1400123456789",
            "weight": Decimal("0.450"),
        }
    ]
    assert [content["qty"] for content in shipped.records["Q"]] == [1, 1]


def test_gb18030_gives_the_reference_vector(profile: Profile, sample: Sample) -> None:
    name = "Deliver_20261122100000.sh"
    decoded = codec_of(profile).decode(name, sample(name))

    data = encode(codec_of(profile), replace(decoded.header, charset="GB18030"), decoded.documents).data

    body, trailer = data[:1019], data[1019:]
    assert trailer.startswith(b"TRL\t")
    assert trailer.endswith(b"SHA256\tabc3553a7d0cbaf79c832f40250f5d8fa9a7a1c8102977fa65b62fcd31dce56b\n")
    assert body.endswith(b"\n")
    assert codec_of(profile).decode(name, data).documents == decoded.documents


def test_lines_of_documents_are_told_when_writing(profile: Profile, sample: Sample) -> None:
    name = "Item_20261122090000.im"
    decoded = codec_of(profile).decode(name, sample(name))

    assert encode(codec_of(profile), decoded.header, decoded.documents).lines == (3, 4)
    assert [document.line_no for document in decoded.documents] == [3, 4]


def test_a_file_is_complete_only_with_its_whole_trailer(profile: Profile, sample: Sample, sample_name: str) -> None:
    data = sample(sample_name)
    codec = codec_of(profile)
    trailer_at = data.rindex(b"\nTRL\t") + 1

    assert codec.is_complete(sample_name, data)
    assert codec.is_complete(sample_name, data.removesuffix(b"\n"))
    assert not any(codec.is_complete(sample_name, data[:length]) for length in range(trailer_at, len(data) - 1))


def test_the_content_hash_ignores_spelling_and_the_order_of_lines(profile: Profile, sample: Sample) -> None:
    name = "SHIP-20261122152100.shupl"
    (shipped,) = codec_of(profile).decode(name, sample(name)).documents
    (package,) = shipped.records["P"]
    respelled = replace(
        shipped,
        records={
            **shipped.records,
            "P": [{**package, "weight": Decimal("0.45")}],
            "L": shipped.records["L"][::-1],
        },
    )
    heavier = replace(shipped, records={**shipped.records, "P": [{**package, "weight": Decimal("0.46")}]})

    assert respelled.content_hash == shipped.content_hash
    assert heavier.content_hash != shipped.content_hash
