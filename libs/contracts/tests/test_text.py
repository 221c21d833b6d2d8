import json
import re

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from lemai_contracts.text import BREAKS, UnfitText, cleaned, code_point, fit, key

anything = st.text(st.characters(), max_size=40)
"""Half surrogates and controls included."""
awkward = st.text(
    st.sampled_from("a中 \t\n\r\0\b\v\x7f\x85\u2028\ufeff\ufffe\ud83d\ude00\u200d👩🚀👍🏽🇨🇳é\u0301"), max_size=40
)
FAMILY = "👩‍👩‍👧"


@pytest.mark.parametrize(
    ("text", "kept", "removed"),
    [
        ("送人\0请包好", "送人请包好", ("U+0000",)),
        ("\ufeff尽快", "尽快", ("U+FEFF",)),
        ("尽快\b\v谢谢", "尽快  谢谢", ("U+0008", "U+000B")),
        ("好\ud83d", "好", ("U+D83D",)),
        ("\ude00好\ude00", "好", ("U+DE00",)),
        ("一行\r\n\t二行", "一行\r\n\t二行", ()),
        (f"谢谢{FAMILY}", f"谢谢{FAMILY}", ()),
    ],
)
def test_what_cannot_be_kept_goes_and_is_named(text: str, kept: str, removed: tuple[str, ...]) -> None:
    clean = cleaned(text)

    assert (clean.text, clean.removed) == (kept, removed)
    assert all(point in clean.note for point in removed)


def test_a_text_of_one_line_keeps_no_breaks() -> None:
    assert cleaned("张\t三\n", breaks="").text == "张 三 "


def test_two_halves_of_a_character_that_stand_together_are_it() -> None:
    clean = cleaned("\ud83d\ude00")

    assert (clean.text, clean.removed) == ("😀", ())


@pytest.mark.parametrize(
    ("text", "longest", "kept"),
    [
        ("一二三四", 3, "一二三"),
        (f"好{FAMILY}", 3, "好"),
        (f"好{FAMILY}", 6, f"好{FAMILY}"),
        ("好👍🏽", 2, "好"),
        ("🇨🇳🇨🇳", 3, "🇨🇳"),
        ("e\u0301", 1, "e"),
    ],
)
def test_an_overlong_text_is_cut_where_a_character_ends(text: str, longest: int, kept: str) -> None:
    clean = cleaned(text, longest)

    assert clean.text == kept
    assert clean.cut_from == (len(text) if kept != text else 0)


def test_a_cut_is_told() -> None:
    assert cleaned("长" * 501, 500).note == "截短 cut 501 → 500"


@given(anything | awkward, st.none() | st.integers(min_value=1, max_value=20))
def test_a_cleaned_text_can_be_kept_anywhere_and_stays_as_it_is(text: str, longest: int | None) -> None:
    clean = cleaned(text, longest)

    clean.text.encode()
    assert not [
        c for c in clean.text if (c < " " or "\x7f" <= c <= "\x9f" or c in "\ufeff\ufffe\uffff") and c not in BREAKS
    ]
    assert longest is None or len(clean.text) <= longest
    again = cleaned(clean.text, longest)
    assert (again.text, again.note) == (clean.text, "")


@given(anything | awkward)
def test_a_text_that_changed_says_so(text: str) -> None:
    clean = cleaned(text)

    whole = json.loads(json.dumps(text))
    assert (clean.text != whole) == bool(clean.removed) == bool(clean.note)


@given(awkward, st.integers(min_value=1, max_value=20))
def test_a_cut_splits_no_character_that_fits(text: str, longest: int) -> None:
    whole = cleaned(text).text
    clean = cleaned(text, longest)

    characters = regex.findall(r"\X", whole)
    if not characters or len(characters[0]) <= longest:
        assert regex.findall(r"\X", clean.text) == characters[: len(regex.findall(r"\X", clean.text))]


@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\x85", "\ud83d", "\ufeff", "\u200b", "\u2028", "\uffff"])
def test_a_key_with_what_nobody_sees_is_refused_with_field_and_code_point(character: str) -> None:
    with pytest.raises(UnfitText, match=f"^trade_no: .*3.*{re.escape(code_point(character))}") as refused:
        key("trade_no", f"12{character}4")

    assert refused.value.field == "trade_no"


def test_an_overlong_key_is_refused_not_cut() -> None:
    with pytest.raises(UnfitText, match="at most 3"):
        key("sku", "1234", 3)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_a_fit_key_stays_as_it_is(value: str) -> None:
    assert key("sku", value) == value


def test_json_of_others_is_cleaned_to_its_last_text() -> None:
    given = {"a\0": ["x\ud83d", {"b": "\ufeffy", "n": 1, "none": None}], "t": ("z\0",)}

    assert fit(given) == {"a": ["x", {"b": "y", "n": 1, "none": None}], "t": ["z"]}
