"""Whatever a document holds, and however a counterpart frames its tables: what was written is read back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lemai_docking.codec import encode
from lemai_docking.definitions.layout import Field, Layout, Record, layouts
from lemai_docking.definitions.profile import Profile, load_profile
from lemai_docking.definitions.samples import sample
from lemai_docking.documents import Document
from lemai_docking.encodings.choice import codec_of

STAMP = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
ANYTHING = "aZ9 -_%\t\n\r|\"',;:\\中亅乗𠮷€é\u3000😀*"
ONE_LINE = "".join(character for character in ANYTHING if character not in "\t\n\r|")


@dataclass(frozen=True)
class Kind:
    """A way to frame tables, and what their texts may hold."""

    frame: dict[str, Any]
    alphabet: str
    charset: str = "UTF-8"
    flat: bool = False
    bom: bool = False

    @property
    def is_fixed(self) -> bool:
        return bool(self.frame["form"] == "fixed")


COUNTS = ["documents", "lines", "records", "control"]
PIPES = {"form": "delimited", "delimiter": "|"}
KINDS = {
    "described": Kind({"form": "described"}, ANYTHING, "GB18030"),
    "quoted": Kind({**PIPES, "quote": '"', "newline": "CRLF"}, ANYTHING, "GB18030"),
    "quoted commas in UTF-8 with BOM": Kind(
        {"form": "delimited", "delimiter": ",", "quote": "'", "trailer": {"tag": "T", "counts": COUNTS}},
        ANYTHING,
        bom=True,
    ),
    "bare pipes": Kind({**PIPES, "tags": {"O": "H", "L": "D"}}, ONE_LINE, "GB18030"),
    "long delimiter": Kind({"form": "delimited", "delimiter": "#~#"}, ONE_LINE + "#"),
    "flat with heads": Kind({**PIPES, "quote": '"', "heads": True}, ANYTHING, flat=True),
    "flat GBK": Kind({**PIPES, "trailer": {"tag": "合计".encode().hex()}}, "aZ9 中亅乗é·—", "GBK", flat=True),
    "fixed": Kind({"form": "fixed", "trailer": {"tag": "TR", "counts": COUNTS, "width": 20}}, ONE_LINE, "GB18030"),
    "flat fixed CRLF": Kind({"form": "fixed", "newline": "CRLF"}, ONE_LINE, flat=True),
}


def columns_of(kind: Kind, layout: Layout) -> dict[str, list[dict[str, Any]]]:
    """Every field of every record, or of head and lines in one."""
    if kind.flat and layout.line != layout.head:
        key = f"{layout.head}+{layout.line}"
        fields = [(tag, field) for tag in (layout.head, layout.line) for field in layout.records[tag].fields]
        return {key: [column(kind, field, f"{tag}.{field.name}") for tag, field in fields]}
    return {tag: [column(kind, field, field.name) for field in one.fields] for tag, one in layout.records.items()}


def column(kind: Kind, field: Field, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"field": name}
    if kind.is_fixed:
        found["width"] = 4 * field.max + 1
    if kind.frame.get("heads"):
        found["head"] = f"{name}列"
    return found


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Profile]:
    """The profile of a kind for the ten interfaces, checked as any other."""
    made: dict[str, Profile] = {}

    def profile_of(name: str) -> Profile:
        if name not in made:
            made[name] = load_profile(profile_file(tmp_path_factory.mktemp("profiles") / "kind.yaml", KINDS[name]))
        return made[name]

    return profile_of


def profile_file(file: Path, kind: Kind) -> Path:
    content = {
        "profile": "kind",
        "label": "一种格式",
        "encoding": "text",
        "charset": kind.charset,
        "bom": kind.bom,
        "format_version": "1.0",
        "us": "LEQEE",
        "them": "KINDEE",
        "message_prefix": "LQ",
        "owner_code": "JFY",
        "frame": kind.frame,
        "interfaces": {
            layout.interface: {
                "file": f"{layout.interface}-{{stamp}}.txt",
                "columns": columns_of(kind, layout),
            }
            for layout in layouts().values()
        },
    }
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def documents(kind: Kind, interface: str) -> st.SearchStrategy[list[Document]]:
    """Up to three documents with numbers of their own; a flat file carries no more than heads and lines."""
    layout = layouts()[interface]
    least = layout.records.get("L", Record(label="", fields=())).min
    is_stock_without_number = kind.flat and interface == "inventory_balance"

    def one(seed: int, lines: int) -> Document:
        made = sample(interface, Random(seed), lines=lines, alphabet=kind.alphabet)
        head = dict(made.head)
        head.pop("package_count", None)
        head |= {"logistics_code": "SF"} if "logistics_code" in layout.records[layout.head].by_name else {}
        number = str(head[layout.identity])
        head[layout.identity] = number if layout.kinds else f"N{seed}"
        lines_only = {tag: rows for tag, rows in made.records.items() if not kind.flat or tag == layout.line}
        return replace(made, head=head, records=lines_only)

    one_document = st.builds(one, st.integers(0, 10**6), st.integers(least or int(is_stock_without_number), 3))
    return st.lists(one_document, max_size=3, unique_by=lambda document: document.order_no)


@pytest.mark.parametrize("interface", list(layouts()))
@pytest.mark.parametrize("name", list(KINDS))
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_what_was_written_is_read_back(
    profiles: Callable[[str], Profile], name: str, interface: str, data: st.DataObject
) -> None:
    profile = profiles(name)
    codec = codec_of(profile)
    written = data.draw(documents(KINDS[name], interface))
    header = profile.header(interface, stamp=STAMP, created_at=STAMP, owner_code="JFY")
    file_name = profile.file_name(interface, STAMP)

    file = encode(codec, header, written)
    decoded = codec.decode(file_name, file.data)

    assert decoded.rejected == []
    assert list(decoded.documents) == written
    assert tuple(document.line_no for document in decoded.documents) == file.lines
    for document in decoded.documents:
        (excerpt,) = codec.excerpts(file_name, file.data, {document.line_no}).values()
        assert list(codec.decode(file_name, excerpt, vouched=True).documents) == [document]
