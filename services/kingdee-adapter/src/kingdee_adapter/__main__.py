from pathlib import Path

from kingdee_adapter.bootstrap import AdapterSettings, build
from lemai_chassis.service import main

main(AdapterSettings, build, Path(__file__).parent / "migrations")
