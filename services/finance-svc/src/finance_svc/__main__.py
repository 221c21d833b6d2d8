from pathlib import Path

from finance_svc.bootstrap import build
from lemai_chassis.service import main
from lemai_chassis.settings import Settings

main(Settings, build, Path(__file__).parent / "migrations")
