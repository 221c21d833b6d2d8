"""What pages state, compared with the program: calls, events, topics, metrics, settings, words."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from catalog_svc.domain import item_sheets, listings
from catalog_svc.domain.sheets import Column
from kingdee_adapter.handlers import ALERTS
from lemai_chassis.delivery import metrics
from lemai_chassis.service import Service
from lemai_chassis.web import KINDS
from lemai_contracts import event_types
from lemai_contracts.export import ENVELOPE
from lemai_contracts.topics import TOPICS
from lemai_docking.faults import REASONS
from order_svc.domain.orders import Alarm

CALL = re.compile(r"`(GET|POST|PUT|DELETE) ([a-z]+-[a-z]+)(/v1/[^?`\s]*)(?:\?([^`\s]*))?`")
DOTTED = re.compile(r"`(lemai\.[a-z_]+\.[a-z_]+(?:\.v\d+)?)`")
EDGE = re.compile(r'^ *(\w+) -->\|"?([^|"]+)"?\| (\w+)$', re.MULTILINE)
NODE = re.compile(r'^ *(\w+)\["?([\w-]+)', re.MULTILINE)


def unknown_calls(text: str, openapi: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Calls that a page names and no service offers, and what looks like a call in another spelling."""
    for method, service, path, query in CALL.findall(text):
        operation = _operation(openapi.get(service, {}).get("paths", {}), method, path)
        if operation is None:
            yield f"{method} {service}{path}"
            continue
        taken = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"}
        asked = {pair.partition("=")[0] for pair in query.split("&") if pair}
        yield from (f"{method} {service}{path}?{name}" for name in sorted(asked - taken))
    yield from re.findall(r"`[^`\n]*/v1/[^`\n]*`", CALL.sub("", text.replace("`/v1/parked`", "")))


def _operation(paths: Mapping[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """The operation whose template is the path, whatever placeholders are called."""
    for template, operations in paths.items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in operations:
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    section = page.split(f"## {heading}\n", 1)[1]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    first = section.splitlines().index(lines[0])
    rows = []
    for line in section.splitlines()[first + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_every_call_in_the_pages_is_offered(pages: Mapping[Path, str], openapi: Mapping[str, dict[str, Any]]) -> None:
    assert {page.name: calls for page, text in pages.items() if (calls := list(unknown_calls(text, openapi)))} == {}


def test_a_call_that_nobody_offers_is_seen(openapi: Mapping[str, dict[str, Any]]) -> None:
    page = "`GET order-svc/v1/order` `POST order-svc/v1/orders` `GET order-svc/v1/orders?colour=1` `GET /v1/orders`"

    assert list(unknown_calls(page, openapi)) == [
        "GET order-svc/v1/order",
        "POST order-svc/v1/orders",
        "GET order-svc/v1/orders?colour",
        "`GET /v1/orders`",
    ]


def test_every_topic_and_event_type_in_the_pages_exists(pages: Mapping[Path, str]) -> None:
    known = {topic.name for topic in TOPICS} | event_types().keys()
    named = {(page.name, name) for page, text in pages.items() for name in DOTTED.findall(text)}

    assert {name for name in named if name[1] not in known} == set()


def test_the_picture_leads_events_to_services_that_take_them(repository: Path, services: Mapping[str, Service]) -> None:
    picture = (repository / "README.md").read_text(encoding="utf-8").split("```mermaid\n")[1].split("```")[0]
    nodes = {node: name for node, name in NODE.findall(picture) if name in services}
    topics = [(source, topic, target) for source, label, target in EDGE.findall(picture) for topic in label.split(", ")]
    inside = [edge for edge in topics if edge[0] in nodes and edge[2] in nodes]

    assert set(nodes.values()) == services.keys()
    assert len(inside) > len(services)
    assert [edge for edge in inside if f"lemai.{edge[1]}" not in services[nodes[edge[2]]].engine.topics] == []


def test_bi_finds_every_topic_as_it_is(repository: Path) -> None:
    page = (repository / "docs/bi.md").read_text(encoding="utf-8")
    rows = {name.strip("`"): (int(partitions), kept, may) for name, partitions, kept, _, may in table(page, "Topics")}

    assert list(rows) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        kept = "newest of each key" if topic.compacted else f"{topic.retention_hours // 24} days"
        assert rows[topic.name][:2] == (topic.partitions, kept)
        assert rows[topic.name][2].startswith("**no**" if topic.consignee_data else "yes")


def test_bi_skips_every_watermark_and_nothing_else(repository: Path) -> None:
    page = (repository / "docs/bi.md").read_text(encoding="utf-8")
    told: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], told)
    kinds = event_types().items()

    assert page.index("```python") < page.index("## Topics")
    assert [told["wanted"]([("ce_type", name.encode())]) for name, _ in kinds] == [not e.passing for _, e in kinds]


def test_bi_finds_every_header(repository: Path) -> None:
    page = (repository / "docs/bi.md").read_text(encoding="utf-8")

    assert [row[0].strip("`") for row in table(page, "Headers")] == list(ENVELOPE["properties"])


def test_operators_find_every_metric(repository: Path) -> None:
    page = (repository / "docs/operators.md").read_text(encoding="utf-8")
    offered = set(re.findall(r"# TYPE (lemai_\w+) (?:counter|histogram|gauge)\n", generate_latest().decode()))

    assert inspect.ismodule(metrics)
    assert {row[0].strip("`") for row in table(page, "Metrics")} == {n for n in offered if not n.endswith("_created")}


def test_operators_find_every_alert(repository: Path) -> None:
    page = (repository / "docs/operators.md").read_text(encoding="utf-8")
    named = {code for row in table(page, "Alerts") for code in re.findall(r"`([a-z_]+)`", row[0])}
    sources = _sources(repository / "services") + _sources(repository / "libs/chassis")
    raised = set(re.findall(r'(?:alert\(\s*|alert=|ALERTS\.get\(\S+ |alert: str = |failed\()"([a-z_]+)"', sources))

    assert raised | set(ALERTS.values()) | set(Alarm) <= named
    assert {code for code in named if f'"{code}"' not in sources} == set()


def test_integrators_find_every_problem(repository: Path) -> None:
    page = (repository / "docs/integrators/rest.md").read_text(encoding="utf-8").replace("### ", "## ")
    closer = r'(?:kind=|yield |return |\[wrong\], )"([a-z]+(?:-[a-z]+)+)"'

    assert table(page, "Errors") == [[f"`{kind}`", str(status), title] for status, (kind, title) in KINDS.items()]
    assert {row[0].strip("`") for row in table(page, "More closely")} == set(
        re.findall(closer, _sources(repository / "libs"))
    )


def test_users_find_every_reason_to_hold_an_actual(repository: Path) -> None:
    page = (repository / "docs/users.md").read_text(encoding="utf-8")
    reasons = set(re.findall(r'"(E_[A-Z_]+)"', _sources(repository / "services/order-svc")))

    assert {row[0].strip("`") for row in table(page, "待处理实绩 · Held actuals")} == reasons


@pytest.mark.parametrize(
    ("title", "columns"), [("表头 · Heads", item_sheets.COLUMNS), ("映射表头 · Heads of listings", listings.COLUMNS)]
)
def test_users_find_every_head_of_a_sheet(repository: Path, title: str, columns: Sequence[Column]) -> None:
    page = (repository / "docs/users.md").read_text(encoding="utf-8").replace("### ", "## ")

    assert table(page, title) == [
        [
            column.head,
            "、".join((column.key, *column.synonyms)),
            "是 yes" if column.required else "",
            column.form.says,
        ]
        for column in columns
    ]


def test_every_fault_code_in_the_pages_exists(pages: Mapping[Path, str], repository: Path) -> None:
    known = REASONS.keys() | set(re.findall(r'"(E_[A-Z_]+)"', _sources(repository / "services/order-svc")))
    named = {code for text in pages.values() for code in re.findall(r"`(E_[A-Z_]+)`", text)}

    assert named - known == set()


def test_the_glossary_has_the_noun_of_every_event(repository: Path) -> None:
    page = (repository / "docs/glossary.md").read_text(encoding="utf-8")
    words = {word.strip() for row in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE) for word in row.split(",")}

    missing = {noun for name in event_types() if (noun := _noun(name)) not in words}

    assert missing == set()


def _sources(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("**/src/**/*.py")))


def _noun(event_type: str) -> str:
    """`lemai.order.state_changed.v1` is about a state, `lemai.order.placed.v1` about an order."""
    _, context, what, _ = event_type.split(".")
    noun = what.rpartition("_")[0] or context
    return noun.removesuffix("s").replace("_", " ")
