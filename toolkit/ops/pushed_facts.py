"""What pushes have recorded of an environment, apart from all that changes while it is at work: its schedules, queue, locks,
calls and sessions.  A decision is made upon these facts, and holds while they are the same."""

from collections.abc import Mapping
from typing import Any

from toolkit.core.ports import Ledger
from toolkit.scheduler import roster
from toolkit.scheduler.dispatch import fact_key

from . import infrastructure, network
from .credentials import PUSHED
from .images import FACTS as IMAGES

# That a teardown has begun, and what it still has to know when it was interrupted and everything else is gone:
# {"agents": names, "used": {agent: its credentials' fields}}.  A log group that a service made has no tags, and only
# its agent's name proves that it is ours.
BEGUN = "teardown"
PROJECT = "project"  # its name

ROOMS = (PUSHED, fact_key(""), IMAGES)
SINGLE = (
    infrastructure.APPLIED,
    infrastructure.GATEWAY,
    network.FACT,
    roster.FACT,
    BEGUN,
    PROJECT,
)


def pushed_facts(ledger: Ledger) -> Mapping[str, Any]:
    """By key.  Raises NotFound where there is no ledger yet: nothing was ever pushed."""
    listed = {key: value for room in ROOMS for key, value in ledger.facts(room).items()}
    return {**listed, **ledger.read_facts(SINGLE)}
