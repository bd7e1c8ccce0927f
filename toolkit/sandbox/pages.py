"""Asking moto for a smaller page than somebody wanted: a page's size is an upper bound only."""

import json
from typing import Any

from .calls import Call


def shrink(call: Call, limit: str, most: int, **changes: Any) -> None:
    """Ask for at most `most` items (0: as many as were asked for), whose number the parameter `limit` is, and with these
    parameters changed."""
    if not most and not changes:
        return
    asked: dict[str, Any] = {**dict(json.loads(call.raw or b"{}")), **changes}
    number = min(asked.get(limit) or most, most) if most else asked.get(limit)
    call.resend({**asked, limit: number} if number else asked)
