"""Whose lock Pulumi has found on its state, read from its message, and whether its owner can still be at work.  Pure,
but for looking at this machine's processes.

Whoever applies holds the environment's deploy lease, which a dead owner loses by itself; Pulumi's locks in a bucket
or a directory have no end (https://github.com/pulumi/pulumi/issues/9253).  So a lock that is found under our lease
was left by a killed run, unless its process is alive on this very machine: somebody runs `pulumi` by hand.
"""

import os
import re
import socket

# pkg/backend/diy/lock.go of Pulumi
_HOLDER = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<at>\S+)")


def holders(message: str) -> str:
    """`ci@runner-7 pid 285 since 2026-11-20T12:00:00Z`, for a sentence."""
    found = [f"{m['user']}@{m['host']} pid {m['pid']} since {m['at']}" for m in _HOLDER.finditer(message)]  # fmt: skip
    return ", ".join(found) or "Pulumi does not say whose it is"


def left_behind(message: str) -> bool:
    """Whether none of the owners is a live process of this machine."""
    return not any(
        m["host"] == socket.gethostname() and _alive(int(m["pid"]))
        for m in _HOLDER.finditer(message)
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
