from pathlib import Path

from lemai_chassis.service import main
from lemai_chassis.settings import Settings
from stock_svc.bootstrap import build

main(Settings, build, Path(__file__).parent / "migrations")
