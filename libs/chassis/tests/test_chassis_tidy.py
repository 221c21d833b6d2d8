"""The delivery core stays readable in one sitting."""

import ast
import io
import tokenize
from pathlib import Path

from lemai_chassis import delivery

CODE_LINES_MAX = 820
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def code_lines(source: str) -> int:
    """How many lines carry code: blank lines, comments and docstrings do not."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def test_the_delivery_core_has_at_most_820_lines_of_code() -> None:
    counted = {
        path.name: code_lines(path.read_text()) for folder in delivery.__path__ for path in Path(folder).glob("*.py")
    }

    assert sum(counted.values()) <= CODE_LINES_MAX, counted


def test_code_lines_are_those_that_do_something() -> None:
    source = '''"""Module."""

# Why.
SQL = """
SELECT 1
"""


def double(value: int) -> int:
    """Twice."""
    return 2 * (
        value
    )  # Twice.
'''
    assert code_lines(source) == 7
