"""A service account's roles on the project: one binding each, named by all that it says.  Pure.

Bindings of one role that differ in their conditions stand side by side
(https://cloud.google.com/iam/docs/conditions-overview), so a grant is known by role, condition and title together.
"""

from typing import Any

Grants = dict[
    str, dict[str, Any]
]  # by `called`: {"role", "title", "expression"}; "" without a condition


def granted(role: str, *, title: str = "", expression: str = "") -> Grants:
    """One grant; with `|` several are put together."""
    grant = {"role": role, "title": title, "expression": expression}
    return {called(role, title, expression): grant}


def called(role: str, title: str, expression: str) -> str:
    """The grant in one line: for people, and to find it by."""
    return f"{title}: {role} if {expression}" if expression else role
