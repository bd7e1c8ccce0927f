"""How often a process that answers many requests looks for garbage.

Requests leave few cycles and many short-lived objects; looking after each 700 of them, Python's default, costs the intake of
webhooks about a seventh of its time.
"""

import gc

THRESHOLDS = (50_000, 20, 100)  # https://docs.python.org/3/library/gc.html#gc.set_threshold


def settle() -> None:
    """Call it once, when everything is loaded: what is there by now is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
