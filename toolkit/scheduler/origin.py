"""Runs whose ids follow from what they are for, so that a tick or a rerun is one run whoever queues it, and however often.

An id has 32 bits, and may be another run's: then the next one that follows is taken, or the work would be lost for it.
"""

import hashlib

from toolkit.core.agent import AgentName
from toolkit.core.ports import Ledger
from toolkit.core.run import RunId


def named(agent: AgentName, origin: str, number: int = 0) -> RunId:
    """The first id of what is told so, or another one."""
    words = f"{origin} {number}" if number else origin
    return RunId(f"{agent}-{hashlib.sha256(words.encode()).hexdigest()[:8]}")


def name_of(ledger: Ledger, agent: AgentName, origin: str) -> tuple[RunId, bool]:
    """The id that it has or may have, and whether its run is recorded."""
    number = 0
    while (record := ledger.get(run := named(agent, origin, number))) and record.origin != origin:
        number += 1
    return run, record is not None
