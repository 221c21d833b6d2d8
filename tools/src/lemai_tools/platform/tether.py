"""Run a command that dies with its parent: `python tether.py PARENT_PID COMMAND ARGUMENT...`.

Standard library only: it runs without the site packages, so it costs a few milliseconds.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask Linux to kill this process when its parent ends, then become the command."""
    parent_pid, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # The parent ended before the request above could see it.
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606  the command is the caller's


if __name__ == "__main__":
    main()
