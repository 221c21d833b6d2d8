"""`python -m lemai_tools` is the `lemai` command."""

from lemai_tools.cli import app

app()
