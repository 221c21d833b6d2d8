from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemai_contracts import Attributes, MalformedEnvelope, from_headers, to_headers

SHIPPED = Attributes(
    id=UUID("0b7e8a52-7a39-4d53-9d9e-3d6e4f7d1c11"),
    source="order-svc",
    type="lemai.order.shipped.v1",
    time=datetime(2026, 11, 22, 7, 21, 3, tzinfo=UTC),
    subject="JFY/2611220001",
    partitionkey="tmall/3021456789012345678",
    aggregateversion=5,
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    causationid="SHP-2611220001-1",
)

offsets = st.integers(min_value=-14 * 60, max_value=14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

attributes = st.builds(
    Attributes,
    id=st.uuids(),
    source=st.text(),
    type=st.text(),
    time=st.datetimes(timezones=offsets),
    subject=st.text(),
    partitionkey=st.text(),
    aggregateversion=st.integers(min_value=0),
    traceparent=st.text(),
    causationid=st.text(),
)


def headers_without(name: str) -> list[tuple[str, bytes | None]]:
    return [header for header in to_headers(SHIPPED) if header[0] != name]


def test_attributes_are_headers_in_the_binary_mode_of_cloudevents() -> None:
    assert to_headers(SHIPPED) == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"0b7e8a52-7a39-4d53-9d9e-3d6e4f7d1c11"),
        ("ce_source", b"order-svc"),
        ("ce_type", b"lemai.order.shipped.v1"),
        ("ce_time", b"2026-11-22T07:21:03+00:00"),
        ("ce_subject", b"JFY/2611220001"),
        ("ce_partitionkey", b"tmall/3021456789012345678"),
        ("ce_aggregateversion", b"5"),
        ("ce_causationid", b"SHP-2611220001-1"),
        ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("content-type", b"application/json"),
    ]


@given(attributes)
def test_headers_read_back_as_the_attributes_they_were_written_from(written: Attributes) -> None:
    assert from_headers(to_headers(written)) == written


@pytest.mark.parametrize(
    "name", ["ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_partitionkey", "ce_aggregateversion"]
)
def test_a_missing_header_is_named(name: str) -> None:
    with pytest.raises(MalformedEnvelope, match=f"^header {name} is missing$"):
        from_headers(headers_without(name))


def test_a_header_that_is_null_is_missing() -> None:
    with pytest.raises(MalformedEnvelope, match=r"^header ce_source is missing$"):
        from_headers([*headers_without("ce_source"), ("ce_source", None)])


@pytest.mark.parametrize("name", ["traceparent", "ce_causationid"])
def test_trace_and_cause_may_be_missing(name: str) -> None:
    assert getattr(from_headers(headers_without(name)), name.removeprefix("ce_")) == ""


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ce_id", b"17", "badly formed"),
        ("ce_time", b"yesterday", "Invalid isoformat"),
        ("ce_time", b"2026-11-22T15:21:03", "no time zone"),
        ("ce_aggregateversion", b"five", "invalid literal"),
        ("ce_source", b"\xc0\xfd", "can't decode"),
        ("traceparent", b"\xff", "can't decode"),
    ],
)
def test_a_wrong_header_is_named_with_its_value(name: str, value: bytes, why: str) -> None:
    with pytest.raises(MalformedEnvelope, match=why) as refused:
        from_headers([*headers_without(name), (name, value)])
    assert str(refused.value).startswith(f"header {name} is {value!r}: ")


def test_headers_of_others_are_ignored() -> None:
    assert from_headers([*to_headers(SHIPPED), ("x-retry", b"1")]) == SHIPPED
