"""The hash of a desired state: equal exactly when Pulumi would have nothing new to do (D7).  Pure."""

import hashlib
import json
from collections.abc import Iterable

from toolkit.core.plan import Item

FORMAT = (
    2  # raised when the programs render the same items differently, so that pushes run Pulumi again
)


def digest(items: Iterable[Item]) -> str:
    """The same for the same items, on every machine."""
    plain = sorted([i.kind, i.name, dict(i.attributes), dict(i.tags)] for i in items)
    content = json.dumps([FORMAT, plain], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()
