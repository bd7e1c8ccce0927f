"""The options of `al hire`, read."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from toolkit.core.errors import UsageError

from ._app import App
from ._typed import typed_secret

if TYPE_CHECKING:
    from toolkit.ops.hire import Wish

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=30)  # a token that was replaced is a risk for as long as it works


def keep_old(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """`24h` as a time.  Raises UsageError."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", value.strip())
    kept = timedelta(**{_UNITS[found[2] or "s"]: int(found[1])}) if found else None
    if kept is None or kept > _LONGEST:
        raise UsageError(
            f"--keep-old: {value!r} is no time up to 30 days", hint="write it like 24h, 30m or 0"
        )
    return kept


def wish(
    app: App,
    *,
    local_model: str | None,
    admin_token: str | None,
    keep_old: timedelta | None,
    **typed: Any,
) -> "Wish":
    """Raises UsageError, for a name that breaks the rule before anything else."""
    from toolkit.ops.hire import Wish
    from toolkit.ops.hire.address import checked_address
    from toolkit.ops.hire.name import checked_name, checked_role

    checked_name(typed["name"]), checked_role(typed["role"])
    if typed["model"] is not None and not typed["model"].strip():
        raise UsageError("--model: is empty", hint="name a model, or leave it out")
    admin = None
    if admin_token is not None:
        what = "Token of the forge's administrator"
        admin = typed_secret(app, admin_token, option="--admin-token", what=what)
    base_url = checked_address(local_model) if local_model is not None else None
    return Wish(base_url=base_url, keep=keep_old, admin=admin, **typed)
