"""What may happen to a call of Google's, in the sandbox: every kind of trouble, ordered for any RPC."""

from enum import StrEnum

from toolkit.sandbox.gcp.cloud import Google

SLOW = 0.05  # seconds


class Fate(StrEnum):
    """What happens to a call."""

    THROTTLED = "throttled"  # RESOURCE_EXHAUSTED, and nothing was done
    AWAY = "away"  # UNAVAILABLE, and nothing was done
    BROKEN = "broken"  # INTERNAL, and nothing was done
    UNHEARD = "unheard"  # UNAVAILABLE, and it was done
    LATE = "late"  # DEADLINE_EXCEEDED, and it was done
    TWICE = "twice"  # the network brings it twice
    SLOW = "slow"


DONE = (Fate.UNHEARD, Fate.LATE, Fate.TWICE, Fate.SLOW)
_CODES = {
    Fate.THROTTLED: "RESOURCE_EXHAUSTED",
    Fate.AWAY: "UNAVAILABLE",
    Fate.BROKEN: "INTERNAL",
    Fate.UNHEARD: "UNAVAILABLE",
    Fate.LATE: "DEADLINE_EXCEEDED",
}


def befall(google: Google, rpc: str, fate: Fate, times: int = 1) -> None:
    """The next calls of the RPC meet it."""
    if fate is Fate.TWICE:
        google.faults.repeat(rpc, times=times)
    elif fate is Fate.SLOW:
        google.faults.delay(rpc, seconds=SLOW, times=times)
    elif fate in DONE:
        google.faults.lose(rpc, code=_CODES[fate], times=times)
    else:
        google.faults.fail(rpc, _CODES[fate], times=times)
