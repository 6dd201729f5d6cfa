"""Run a command that dies when its parent does: `python -I -S tether.py PARENT SIGNAL CMD ARG…`.

Imports nothing of ours and is run by path, so it starts in milliseconds. It becomes the command
(exec), so the process id that the parent knows is the command's own.

On Linux the kernel sends SIGNAL when the thread that started us ends, by whatever death; on other
systems there is no such call, and `children` stops what was left behind at the next start.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to `PARENT`, then become the command."""
    parent, death_signal, *command = arguments
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):  # it died before the line above could take hold
        sys.exit("parent is gone")
    # chDB blocks SIGPIPE in the threads of a process that imports it; a child inherits the mask.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
