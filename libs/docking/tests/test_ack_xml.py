import pytest
from hypothesis import given
from hypothesis import strategies as st

from lemai_docking.ack import Ack, Result
from lemai_docking.ack_xml import read_xml, xml_bytes

TEXT = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cn", "Co"])).map(str.strip)
RESULTS = st.builds(Result, order_no=TEXT, leg=st.sampled_from(["", "OUT", "IN"]), line_no=st.integers(0), message=TEXT)
ACKS = st.builds(
    Ack, message_id=TEXT, file_name=TEXT.filter(bool), documents=st.integers(0), results=st.lists(RESULTS).map(tuple)
)


@given(ACKS)
def test_an_acknowledgement_is_read_as_it_was_written(ack: Ack) -> None:
    assert read_xml(xml_bytes(ack)) == ack


def test_its_elements_are_in_camel_case() -> None:
    ack = Ack(file_name="SHIP.xml", status="PARTIAL", results=(Result(order_no="1", line_no=7, message="a < b\x01"),))

    text = xml_bytes(ack).decode()

    assert text.startswith(
        '<?xml version="1.0" encoding="UTF-8"?>\n<ack>\n  <messageId></messageId>\n  <fileName>SHIP.xml'
    )
    assert "    <result>\n      <orderNo>1</orderNo>" in text
    assert "<lineNo>7</lineNo>" in text
    assert "<message>a &lt; b�</message>" in text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"OK",
        b"<ack>",
        b"<ack/>",
        b"<html><status>ACCEPTED</status></html>",
        b"<ack><fileName>a</fileName><status>FINE</status></ack>",
        b"<!DOCTYPE ack><ack><fileName>a</fileName><status>ACCEPTED</status></ack>",
        b"<?php ?><ack><fileName>a</fileName><status>ACCEPTED</status></ack>",
        b"<ack><fileName>a</fileName><status>ACCEPTED</status><a><b><c><d/></c></b></a></ack>",
    ],
)
def test_anything_else_is_no_acknowledgement(data: bytes) -> None:
    assert read_xml(data) is None
