"""Messages for tests: the text samples as XML and JSON, and any documents there can be."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from lemai_docking.codec import Codec
from lemai_docking.definitions.layout import layouts
from lemai_docking.definitions.profile import Profile, built_in
from lemai_docking.definitions.samples import sample
from lemai_docking.documents import Document, Row
from lemai_docking.encodings.choice import codec_of

STAMP = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parents[1] / "samples"
VECTORS = Path(__file__).parent / "vectors"
ALPHABET = "aZ9 -_%&<>]\t\n|\"',;:\\/{}[]中亅乗𠮷€é\u3000😀*"


@cache
def profile_of(names: str) -> Profile:
    """The built-in profile of an encoding."""
    return built_in("kingdee-default" if names == "text" else f"kingdee-{names}")


def everything(names: str) -> Profile:
    """That profile, writing every field of every record."""
    content = profile_of(names).model_dump()
    for interface, how in content["interfaces"].items():
        records = layouts()[interface].records.items()
        how["columns"] = {tag: [field.name for field in record.fields] for tag, record in records}
    return Profile.model_validate(content)


def converted(name: str, names: str) -> bytes:
    """A text sample as a message; what stands on which line is told by the tests."""
    decoded = codec_of(profile_of("text")).decode(name, (SAMPLES / name).read_bytes())
    codec = codec_of(profile_of(names))
    return codec.frame(decoded.header, [codec.render(document) for document in decoded.documents]).data


def written(codec: Codec, profile: Profile, interface: str, *documents: Document) -> bytes:
    """A message of these documents."""
    header = profile.header(interface, stamp=STAMP, created_at=STAMP, owner_code="JFY")
    return codec.frame(header, [codec.render(document) for document in documents]).data


def documents(interface: str) -> st.SearchStrategy[Document]:
    """Any document that breaks no rule, its packages' contents and serial numbers where they belong."""
    least = layouts()[interface].records["L"].min if "L" in layouts()[interface].records else 0
    randoms = st.integers(0, 2**32).map(Random)
    made = st.builds(sample, st.just(interface), randoms, lines=st.integers(least, 3), alphabet=st.just(ALPHABET))
    return made.map(_put_in_place)


def _put_in_place(document: Document) -> Document:
    """As a tree holds them, contents stand in packages, and serial numbers in lines."""
    rows: dict[str, list[Row]] = {tag: list(found) for tag, found in document.records.items()}
    packages: list[Row] = [{**row, "package_no": str(number)} for number, row in enumerate(rows.get("P", []))]
    contents: list[Row] = [
        {**row, "package_no": packages[number * len(packages) // len(rows["Q"])]["package_no"]}
        for number, row in enumerate(rows.get("Q", []) if packages else [])
    ]
    serials: list[Row] = [{**row, "item_code": rows["L"][0]["item_code"]} for row in rows.get("S", [])]
    placed = {**rows, "P": packages, "Q": contents, "S": serials}
    return replace(document, records={tag: found for tag, found in placed.items() if found})
