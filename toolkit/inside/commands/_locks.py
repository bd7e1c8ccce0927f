"""What rlock, runlock and rlock-heartbeat share.

Without a gateway nobody else can hold anything, as far as this run can know: then each of them succeeds.
"""

import os
from collections.abc import Sequence

from toolkit.core.errors import UsageError
from toolkit.core.resource import resource_key
from toolkit.inside.gateway_client import Gateway

from ._frame import answered, guarded, show

BAD_KEY = 4


def ask(command: str, path: str, arguments: Sequence[str]) -> int:
    """The exit code."""
    return guarded(lambda: _ask(command, path, arguments))


def _ask(command: str, path: str, arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not arguments[0]:
        raise UsageError(
            "one resource is needed", hint=f"use it as: {command} github://owner/repo/issues/12"
        )
    (key,) = arguments
    if gateway := Gateway.of(os.environ):
        return answered(gateway.ask("POST", path, {"resourceKey": key}))
    try:
        resource_key(key)
    except UsageError as error:
        return show({"ok": False, "reason": error.message, "hint": error.hint}, BAD_KEY)
    return show({"ok": True})
