"""Hostile messages (operations reference §6, 28-37) are refused quickly and in little memory; nothing is fetched."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

Outcomes = dict[str, dict[str, tuple[str, int, int]]]

ALONE = Path(__file__).parent / "alone.py"

# (case, code, CPU milliseconds allowed): those allowed a second are floods of tens of megabytes.
XML = [
    ("billion laughs", "E_SYNTAX", 100),
    ("quadratic blow-up", "E_SYNTAX", 100),
    ("external entity", "E_SYNTAX", 100),
    ("parameter entity", "E_SYNTAX", 100),
    ("external DTD", "E_SYNTAX", 100),
    ("200,000 levels", "E_LIMIT", 100),
    ("200,000 attributes", "E_LIMIT", 100),
    ("a million namespaces", "E_LIMIT", 100),
    ("an element of 40 MB", "E_LIMIT", 100),
    ("lines of 40 MB", "E_LIMIT", 100),
    ("a name of 40 MB", "E_LIMIT", 100),
    ("a comment of 40 MB", "E_LIMIT", 100),
    ("12 million elements", "E_LIMIT", 1000),
    ("4 million lines", "E_LIMIT", 1000),
    ("5 million orders", "E_LIMIT", 1000),
    ("100 MB", "E_LIMIT", 100),
    ("UTF-16", "E_CHARSET", 100),
    ("UTF-16 without a mark", "E_CHARSET", 100),
    ("UTF-7 declared", "E_CHARSET", 100),
    ("UTF-16 declared", "E_CHARSET", 100),
    ("XInclude", "E_SYNTAX", 100),
    ("xsi:type", "E_SYNTAX", 100),
    ("a style sheet", "E_SYNTAX", 100),
    ("NUL", "E_CHARSET", 100),
    ("nothing", "E_SYNTAX", 100),
]
JSON = [
    ("100,000 arrays", "E_LIMIT", 100),
    ("100,000 objects", "E_LIMIT", 100),
    ("a text of 40 MB", "E_SYNTAX", 1000),
    ("a number of 40 MB", "E_LIMIT", 1000),
    ("16 million texts", "E_LIMIT", 1000),
    ("5 million texts in a line", "E_LIMIT", 1000),
    ("16 million orders", "E_LIMIT", 1000),
    ("100 MB", "E_LIMIT", 100),
    ("equal keys", "E_SYNTAX", 100),
    ("equal keys in a line", "E_SYNTAX", 100),
    ("NaN", "E_SYNTAX", 100),
    ("UTF-16", "E_CHARSET", 100),
    ("UTF-16 without a mark", "E_SYNTAX", 100),
    ("NUL", "E_SYNTAX", 100),
    ("nothing", "E_SYNTAX", 100),
]
SOAP = [
    ("billion laughs", "E_SYNTAX", 100),
    ("quadratic blow-up", "E_SYNTAX", 100),
    ("external entity", "E_SYNTAX", 100),
    ("external DTD", "E_SYNTAX", 100),
    ("200,000 levels", "E_LIMIT", 100),
    ("200,000 attributes", "E_LIMIT", 100),
    ("a million namespaces", "E_LIMIT", 100),
    ("a text of 9 MB", "E_LIMIT", 100),
    ("2 million elements", "E_LIMIT", 1000),
    ("as many elements as there may be", "accepted", 1000),
    ("100 MB", "E_LIMIT", 100),
    ("UTF-16", "E_CHARSET", 100),
    ("UTF-16 without a mark", "E_CHARSET", 100),
]


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    """Code, CPU milliseconds, megabytes beyond the message, by syntax and case."""
    return {
        names: json.loads(subprocess.run([sys.executable, ALONE, names], capture_output=True, check=True).stdout)
        for names in ("xml", "json", "soap")
    }


@pytest.mark.parametrize(("case", "code", "milliseconds"), XML)
def test_hostile_xml_is_refused(outcomes: Outcomes, case: str, code: str, milliseconds: int) -> None:
    refused, took, megabytes = outcomes["xml"][case]

    assert refused == code
    assert took < milliseconds
    assert megabytes < 64


@pytest.mark.parametrize(("case", "code", "milliseconds"), JSON)
def test_hostile_json_is_refused(outcomes: Outcomes, case: str, code: str, milliseconds: int) -> None:
    """JSON is scanned as a text, which is held beside the bytes, and one value of it beside that."""
    refused, took, megabytes = outcomes["json"][case]

    assert refused == code
    assert took < milliseconds
    assert megabytes < 150


@pytest.mark.parametrize(("case", "code", "milliseconds"), SOAP)
def test_hostile_soap_is_refused(outcomes: Outcomes, case: str, code: str, milliseconds: int) -> None:
    """What may pass is a tree in memory before its user is known, so that must not be large either."""
    refused, took, megabytes = outcomes["soap"][case]

    assert refused == code
    assert took < milliseconds
    assert megabytes < 64
