"""A message goes through an envelope and its schema unchanged, and the WSDL is the layouts'."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemai_docking.ack import Ack, Result
from lemai_docking.definitions.layout import layouts
from lemai_docking.encodings.choice import codec_of
from lemai_docking.encodings.messages.xml_syntax import whole
from lemai_docking.soap.envelope import Login, ack_of, answer, call, message_of, opened
from lemai_docking.soap.wsdl import ADDRESS, OPERATIONS, committed, generated, served

from .docking_messages import STAMP, converted, documents, everything, written

PROFILE = everything("soap")
CODEC = codec_of(PROFILE)
LOGIN = Login("lemai", "< secret & more >")


def test_the_committed_wsdl_is_the_layouts() -> None:
    """If this fails, `python -m lemai_docking.soap.wsdl` writes it anew."""
    assert committed() == generated()


def test_the_served_wsdl_tells_its_own_address() -> None:
    wsdl = served("https://docking.example/soap/KINGDEE-JFY?a=1&b=2").decode()

    assert 'location="https://docking.example/soap/KINGDEE-JFY?a=1&amp;b=2"' in wsdl
    assert ADDRESS not in wsdl


def test_every_interface_has_its_operation() -> None:
    assert list(OPERATIONS) == list(layouts())


@pytest.mark.parametrize("interface", list(layouts()))
@settings(max_examples=20)
@given(data=st.data())
def test_what_was_called_is_read_back(interface: str, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(documents(interface), max_size=1 if interface == "inventory_balance" else 3))
    message = written(CODEC, PROFILE, interface, *wanted)

    envelope = opened(call(OPERATIONS[interface], message, LOGIN))
    decoded = CODEC.decode(PROFILE.file_name(interface, STAMP), whole(message_of(envelope)))

    assert (envelope.operation, envelope.login) == (OPERATIONS[interface], LOGIN)
    assert (list(decoded.documents), decoded.rejected) == (wanted, [])


def test_the_canonical_bytes_are_those_of_the_file() -> None:
    for name, interface in {
        "Deliver_20261122100000.sh": "deliver_order",
        "SHIP-20261122152100.shupl": "ship_result",
        "Item_20261122090000.im": "item_master",
        "IBAL-20261122020500.Ibupl": "inventory_balance",
    }.items():
        message = converted(name, "xml")

        assert whole(message_of(opened(call(OPERATIONS[interface], message, LOGIN)))) == message


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)


@given(
    st.builds(
        Ack,
        message_id=TEXTS,
        file_name=TEXTS,
        sha256=TEXTS,
        received_at=TEXTS,
        documents=st.integers(0, 5000),
        results=st.lists(st.builds(Result, order_no=TEXTS, message=TEXTS, line_no=st.integers(0, 99)), max_size=3).map(
            tuple
        ),
    )
)
def test_an_acknowledgement_comes_back_as_it_was_given(ack: Ack) -> None:
    envelope = opened(answer("SyncShipResult", ack))

    assert envelope.operation == "SyncShipResultResponse"
    assert ack_of(envelope) == ack


def test_characters_xml_forbids_do_not_break_an_answer() -> None:
    ack = Ack(file_name="a", status="REJECTED", results=(Result(code="E_CHAR", message="got '\x00'"),))

    assert ack_of(opened(answer("SyncShipResult", ack))).results[0].message == "got '<U+0000>'"
