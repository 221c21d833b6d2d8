"""What is news of a trade, and how its consignee is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_adapter.domain import SeenTrade, mask_name, mask_phone

SEEN = SeenTrade("TM-01", "900", 1_000, "digest a", 3)


@pytest.mark.parametrize(
    ("platform_version", "digest", "news"),
    [
        (1_001, "digest b", True),
        (1_000, "digest b", True),
        (1_000, "digest a", False),
        (2_000, "digest a", False),
        (999, "digest b", False),
    ],
)
def test_another_content_that_is_not_older_is_news(platform_version: int, digest: str, news: bool) -> None:
    assert SEEN.precedes(platform_version, digest) is news


@given(
    st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 10**6 - 1)), min_size=2, max_size=2),
)
def test_content_versions_order_as_text_like_their_numbers(numbers: list[tuple[int, int]]) -> None:
    first, second = (SeenTrade("TM-01", "900", at, "", changes).content_version for at, changes in numbers)

    assert (first < second) == (numbers[0] < numbers[1])


@pytest.mark.parametrize(("name", "shown"), [("张三丰", "张**"), ("李", "李**"), ("张**", "张**"), ("", "")])
def test_of_a_name_the_first_character_is_shown(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13800138000", "138****8000"),
        ("0571-88155188", "057****5188"),
        ("8815518", "****"),
        ("*******8000", "*******8000"),
        ("", ""),
    ],
)
def test_of_a_phone_both_ends_are_shown(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown
