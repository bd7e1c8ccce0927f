"""Whose lock it is, and whether they can still be at work."""

import os
import socket
import subprocess
import sys

from infra.locks import holders, left_behind


def message(host: str, pid: int) -> str:
    """As Pulumi's pkg/backend/diy/lock.go writes it."""
    return (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
        "lock file with `pulumi cancel`.\n  s3://b/.pulumi/locks/organization/shop/production/0a.json: "
        f"created by ci@{host} (pid {pid}) at 2026-11-20T12:00:00Z"
    )


def ended() -> int:
    """The id of a process that was, and is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_owner_is_named() -> None:
    """User, machine, process, and since when."""
    assert holders(message("runner-7", 285)) == "ci@runner-7 pid 285 since 2026-11-20T12:00:00Z"


def test_an_unknown_form_is_said_to_be_unknown() -> None:
    """Pulumi Cloud names nobody."""
    assert "does not say" in holders("[409] Conflict: Another update is currently in progress.")


def test_another_machines_lock_under_our_lease_was_left_behind() -> None:
    """Its `al` would hold the lease, were it alive."""
    assert left_behind(message("runner-7", os.getpid()))


def test_a_dead_process_of_this_machine_has_left_its_lock_behind() -> None:
    """A killed push, on the same laptop."""
    assert left_behind(message(socket.gethostname(), ended()))


def test_a_live_process_of_this_machine_keeps_its_lock() -> None:
    """Somebody runs `pulumi` by hand, which knows nothing of leases."""
    assert not left_behind(message(socket.gethostname(), os.getpid()))
    assert not left_behind(message(socket.gethostname(), 1))
