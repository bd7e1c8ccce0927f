"""A service account's roles on the project, as data.  Pure.

Bindings of one role that differ in their conditions stand side by side
(https://cloud.google.com/iam/docs/conditions-overview), so a grant is role, title and expression together.
"""

from collections.abc import Iterable
from typing import Any

Grants = dict[str, dict[str, Any]]  # by what people call it: {"role", "title", "expression"}
Grant = tuple[str, str, str]  # role, title, expression; two empty texts without a condition


def granted(role: str, *, title: str = "", expression: str = "") -> Grants:
    """One grant, called by its title, or without a condition by its role; with `|` several are put together."""
    return named([(role, title, expression)])


def named(grants: Iterable[Grant]) -> Grants:
    """Each under its own name; the second of one name by all that it says."""
    found: Grants = {}
    for role, title, expression in grants:
        name = title or role
        if name in found:
            name = f"{name}: {role}{f' if {expression}' if expression else ''}"
        found[name] = {"role": role, "title": title, "expression": expression}
    return found


def identities(grants: Grants) -> set[Grant]:
    """What they are, whatever they are called."""
    return {(g["role"], g["title"], g["expression"]) for g in grants.values()}
