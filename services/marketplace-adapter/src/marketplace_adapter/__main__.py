from pathlib import Path

from lemai_chassis.service import main
from marketplace_adapter.bootstrap import AdapterSettings, build

main(AdapterSettings, build, Path(__file__).parent / "migrations")
