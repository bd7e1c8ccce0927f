"""What a run is told of the others: whom it may call, and how locks are kept.  Part of its secret; nothing in it is secret."""

from itertools import islice
from typing import Any

from toolkit.core.run import Run

from .roster import Roster

MOST_AGENTS = 50  # that are described; a run's secret holds 64 KiB in all
MOST_WORDS = 120  # characters of what each of them is for


def sharing(roster: Roster, run: Run) -> dict[str, Any]:
    """For the run's prompt (toolkit/inside/prompt.py): it may call nobody where it is as deep as calls may lead."""
    deepest = run.depth >= roster.max_call_depth
    others = (p for name, p in sorted(roster.posts.items()) if name != run.agent and p.scale > 0)
    described = () if deepest else islice(others, MOST_AGENTS)
    return {
        "agents": {str(p.agent): " ".join(p.description.split())[:MOST_WORDS] for p in described},
        "lock_seconds": roster.lock_seconds,
        "one_lock": roster.one_lock,
    }
