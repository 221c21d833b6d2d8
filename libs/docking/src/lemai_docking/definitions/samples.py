"""Valid documents made from the layouts: for sample files, and for tests that want any document there can be."""

from collections.abc import Callable, Collection, Mapping, Set
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from lemai_docking.definitions.columns import PLACEHOLDERS
from lemai_docking.definitions.layout import Field, Layout, Record, layouts
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Document, Row, Value
from lemai_docking.encodings.choice import codec_of
from lemai_docking.encodings.routing import SUFFIXES
from lemai_docking.encodings.values import parser
from lemai_docking.faults import DocumentRefused

PIECES_MAX = 10**14 - 1
TRIES = 500
_AMOUNTS = frozenset({"line_amount", "discount_amount", "freight_amount"})
_FIRST_DAY = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def sample(
    interface: str,
    random: Random,
    *,
    lines: int = 2,
    alphabet: str = "",
    carried: Mapping[str, Set[str]] | None = None,
) -> Document:
    """A document that breaks no rule: of these fields by tag, else with about half of the optional ones.

    Given an alphabet, texts are any of its characters, and numbers and dates as extreme as their types allow;
    without, they are such as a person likes to read.
    """
    return _Maker(layouts()[interface], random, alphabet, carried).document(lines)


def sample_for(profile: Profile, interface: str, random: Random, *, lines: int = 2) -> Document:
    """A document that a profile can carry, with all that its files hold and nothing else.

    Raises DocumentRefused with the last faults if it can hardly carry any.
    """
    codec = codec_of(profile)
    refusal = DocumentRefused([])
    for _ in range(TRIES):
        made = sample(interface, random, lines=lines, carried=profile.carried[interface])
        try:
            document = _fitted(profile, made, random)
            codec.render(document)
        except DocumentRefused as refused:
            refusal = refused
        else:
            return document
    raise refusal


def _fitted(profile: Profile, document: Document, random: Random) -> Document:
    """With the codes that a profile has words for, and the values that its files stand for."""
    interface = document.interface
    layout = layouts()[interface]
    codes = profile.codes_of(interface)

    def fitted(tag: str, row: Row) -> dict[str, Value]:
        fields = layout.records[tag].by_name
        texts = {
            name: random.choice(sorted(codes[name]))
            for name, value in row.items()
            if name in codes and str(value) not in codes[name]
        }
        given = profile.interfaces[interface].values.get(tag, {})
        texts |= {name: text for name, text in given.items() if not any(one in text for one in PLACEHOLDERS)}
        return {**row, **{name: parser(fields[name])(text) for name, text in texts.items()}}

    records = {tag: [fitted(tag, row) for row in rows] for tag, rows in document.records.items()}
    return Document(interface, fitted(layout.head, document.head), records)


class _Maker:
    def __init__(self, layout: Layout, random: Random, alphabet: str, carried: Mapping[str, Set[str]] | None) -> None:
        self._layout = layout
        self._random = random
        self._alphabet = alphabet
        self._carried = carried

    def document(self, lines: int) -> Document:
        layout = self._layout
        tags = [tag for tag, record in layout.records.items() if self._has_record(tag, record)]
        head = self._row(layout.head, {}, tags)
        counts = {tag: lines if tag == layout.line else self._random.randint(1, 3) for tag in tags}
        records = {tag: [self._row(tag, head, tags) for _ in range(counts[tag])] for tag in tags if tag != layout.head}
        self._number(head)
        self._add_up(head, records)
        return Document(layout.interface, head, {tag: rows for tag, rows in records.items() if rows})

    def _has_record(self, tag: str, record: Record) -> bool:
        if tag in {self._layout.head, self._layout.line} or record.min:
            return True
        return self._perhaps() if self._carried is None else tag in self._carried

    def _has_field(self, tag: str, field: Field) -> bool:
        if self._carried is not None:
            return field.name in self._carried[tag]
        return field.required == "M" or self._perhaps()

    def _row(self, tag: str, head: Row, tags: Collection[str]) -> dict[str, Value]:
        record = self._layout.records[tag]
        row = {field.name: self._value(field) for field in record.fields if self._has_field(tag, field)}
        while missing := record.unmet(row, head or row, tags):
            row |= {name: self._value(record.by_name[name]) for name in missing}
        if self._carried is not None:
            return row
        return {field.name: field.default for field in record.fields if field.default is not None} | row

    def _number(self, head: dict[str, Value]) -> None:
        """An order number that fits the order kind."""
        if self._layout.kinds:
            base = f"26{self._random.randrange(10**8):08d}"
            head["order_no"] = f"{base}-{SUFFIXES[str(head['order_type'])]}".rstrip("-")
        if "receiver_oaid" in self._layout.records[self._layout.head].by_name and self._carried is None:
            head["receiver_oaid"] = "oaid"

    def _add_up(self, head: dict[str, Value], records: dict[str, list[dict[str, Value]]]) -> None:
        """Make counts, sums and references agree."""
        lines = records.get(self._layout.line, [])
        if self._layout.line != self._layout.head:
            head["line_count"] = len(lines)
        if "package_count" in head and "P" in records:
            head["package_count"] = len(records["P"])
        for row in records.get("B", []):
            row["warehouse_code"] = head["warehouse_code"]
            row["total_qty"] = _pieces(row["qty"]) + _pieces(row["lock_qty"])
        for number, row in enumerate(records.get("L", []), 1):
            row["line_no"] = number
        self._point_at(records)
        if "item_amount" in head and all("line_amount" in row for row in lines):
            items = sum((_amount(row["line_amount"]) for row in lines), Decimal(0))
            head["item_amount"] = items
            if "total_amount" in head:
                rest = _amount(head.get("freight_amount", Decimal(0))) - _amount(
                    head.get("discount_amount", Decimal(0))
                )
                head["total_amount"] = items + rest

    @staticmethod
    def _point_at(records: dict[str, list[dict[str, Value]]]) -> None:
        """The first package holds every line; each piece of the first line has a serial number."""
        lines, packages = records.get("L", []), records.get("P", [])
        serials, contents = records.get("S", []), records.get("Q", [])
        if lines and serials:
            lines[0]["actual_qty"] = len(serials)
        for number, row in enumerate(packages, 1):
            row["package_no"] = str(number)
        if contents:
            shared = ("line_no", "item_code")
            records["Q"] = [
                {"package_no": "1", "qty": row["actual_qty"]} | {name: row[name] for name in shared}
                for row in (lines if packages else [])
            ]
        records["S"] = [{**row, "line_no": 1, "item_code": lines[0]["item_code"]} for row in serials if lines]

    def _value(self, field: Field) -> Value:
        if field.codes:
            code = self._random.choice(field.codes)
            return int(code) if field.type == "int" else code
        makers: Mapping[str, Callable[[Field], Value]] = {
            "flag": lambda _: self._random.choice("YN"),
            "int": lambda field: self._whole(field.min or 0, 10 ** min(field.max, 9) - 1),
            # Half of the range, so that free and locked pieces add up to what can be written.
            "qty": lambda field: self._whole(-PIECES_MAX // 2 if field.min is None else field.min, PIECES_MAX // 2),
            "dec": self._decimal,
            "date": lambda _: self._moment().date(),
            "datetime": lambda _: self._moment(),
            "str": self._text,
        }
        return makers[field.type.partition("(")[0]](field)

    def _whole(self, least: int, most: int) -> int:
        if not self._alphabet:
            return self._random.randint(max(least, 1), 20)
        return self._random.choice([least, most, self._random.randint(least, most)])

    def _decimal(self, field: Field) -> Decimal:
        digits, places = map(int, field.type[4:-1].split(","))
        most = 10 ** (digits - places) - 1 if self._alphabet and field.name not in _AMOUNTS else 999
        least = field.min if field.min is not None else 0 if field.name in _AMOUNTS else -most
        whole = self._random.randint(least if self._alphabet else 1, most)
        return Decimal(whole) + Decimal(self._random.randrange(10**places) if whole < most else 0).scaleb(-places)

    def _moment(self) -> datetime:
        seconds = self._random.randint(-2 * 10**9, 2 * 10**11) if self._alphabet else self._random.randrange(86_400)
        return _FIRST_DAY + timedelta(seconds=seconds)

    def _text(self, field: Field) -> str:
        if not self._alphabet:
            number = str(self._random.randrange(1000, 10_000))
            is_code = field.max <= 20 or field.name.endswith(("_code", "_no", "_id", "_mobile", "_tel", "_zip", "sn"))
            return number if is_code else f"{field.label}{number}"[-field.max :]
        length = self._random.choice([1, field.max, self._random.randint(1, field.max)])
        fit = [one for one in self._alphabet if field.prose or one.isprintable() or one == "\u3000"]
        return "".join(self._random.choices(fit, k=length)).strip() or "x"

    def _perhaps(self) -> bool:
        return self._random.random() < 0.5


def _pieces(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _amount(value: Value) -> Decimal:
    assert isinstance(value, Decimal)
    return value
