"""What keeps a process from starting: told to the person who can mend it, all of it at once and without a traceback."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

EXIT_CODE = 2
"""Of every program of ours that cannot start."""


class Misconfigured(Exception):
    """A process cannot start with what it was given. Each problem names key, value and fix; never a secret's value."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Problems(list[str]):
    """Those found so far, so that one does not hide the next."""

    @contextmanager
    def of(self, *kinds: type[Exception]) -> Iterator[None]:
        """Each line of an error of these kinds is a problem; what comes after this block goes on."""
        try:
            yield
        except kinds as error:
            self.extend(str(error).splitlines())

    def raise_any(self) -> None:
        if self:
            raise Misconfigured(*dict.fromkeys(self))


def fix(problem: Mapping[str, Any]) -> str:
    """What pydantic expected instead, in both languages."""
    if problem["type"] == "missing":
        return "缺少此项，请添加 / missing, add it"
    if problem["type"] == "extra_forbidden":
        return "不认识此项，请删除或更正拼写 / not known, remove or respell it"
    expected = _EXPECTED.get(problem["type"], "").format(**problem.get("ctx", {}))
    said = expected if " / " in expected else problem["msg"].removeprefix("Value error, ")
    if " / " in said:
        return f"请改正 / change it: {said}"
    return f"请改正{'：' if expected else ''}{expected} / change it: {said}"


_MAPPING = "应为键与值，如 code: A / should be keys with values, such as code: A"
_EXPECTED = {
    "greater_than_equal": "应不小于 {ge}",
    "less_than_equal": "应不大于 {le}",
    "decimal_max_places": "小数最多 {decimal_places} 位",
    "string_pattern_mismatch": "应符合 {pattern}",
    "string_type": "应为文字，请加引号",
    "string_too_short": "不能为空",
    "literal_error": "应为 {expected}",
    "union_tag_invalid": "应为 {expected_tags}",
    "int_parsing": "应为整数",
    "int_type": "应为整数",
    "bool_parsing": "应为 true 或 false",
    "too_short": "至少 {min_length} 项",
    "path_not_file": "应为已有的文件",
    **dict.fromkeys(("list_type", "tuple_type", "frozen_set_type"), "应为列表，如 [A, B] / should be a list: [A, B]"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type", "dataclass_type"), _MAPPING),
}
