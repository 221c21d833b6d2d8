from collections.abc import Callable
from datetime import UTC, datetime

from lemai_docking.ack import ack_of
from lemai_docking.definitions.profile import Profile
from lemai_docking.encodings.choice import codec_of
from lemai_docking.testing.docking import reseal

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SHIP = "SHIP-20261122152100.shupl"


def test_a_warning_names_the_document_it_is_about(profile: Profile, sample: Callable[[str], bytes]) -> None:
    data = sample(SHIP).replace(b"Q\t1\t2\tGB-SH-014-B-22\t1", b"Q\t1\t2\tGB-SH-014-B-22\t2")

    decoded = codec_of(profile).decode(SHIP, b"\xef\xbb\xbf" + reseal(data))
    ack = ack_of(decoded, name=SHIP, sha256="", received_at=NOW, same=(), rejected=())

    assert ack.status == "ACCEPTED"
    assert [(result.code, result.order_no, result.line_no, result.field) for result in ack.results] == [
        ("W_BOM", "", 1, ""),
        ("W_PACKAGE_SUM", "2611220001", 8, "actual_qty"),
    ]
