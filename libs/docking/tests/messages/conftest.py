"""Where docking_messages is; the tests themselves are found by path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
