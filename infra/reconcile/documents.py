"""Policy documents as IAM gives them back: decoded, and compared by what they mean rather than by how they are written.

IAM stores a trust policy in words of its own: one value for a list of one, another order of principals.  Pure.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .policy import listed

_OLD_VERSION = "2008-10-17"  # what a document without one has
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_DELETED = re.compile(r"(AROA|AIDA)[A-Z0-9]{12,}")
_ACCOUNT = re.compile(r"\d{12}")


def parsed(document: Any) -> Any:
    """The document as JSON: IAM answers URL-encoded text, which botocore has mostly decoded already
    (https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html)."""
    return json.loads(unquote(document)) if isinstance(document, str) else document


def same(one: Any, other: Any) -> bool:
    """Whether two documents mean the same to IAM: order, one value or a list of one, and the case of actions and of
    condition keys say nothing (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html)."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return bool(one == other)
    return _normal(one) == _normal(other)


def deleted_principals(document: Any) -> tuple[str, ...]:
    """The ids that IAM has put in place of roles and users that a trust policy named and that were deleted since
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html)."""
    found = (
        str(value)
        for statement in _statements(document)
        for element in ("Principal", "NotPrincipal")
        for values in _principals(statement.get(element)).values()
        for value in values
    )
    return tuple(sorted({value for value in found if _DELETED.fullmatch(value)}))


def _statements(document: Any) -> Iterator[Mapping[str, Any]]:
    found = listed(document.get("Statement")) if isinstance(document, Mapping) else []
    return (s for s in found if isinstance(s, Mapping))


def _normal(document: Mapping[str, Any]) -> tuple[str, frozenset[str]]:
    """Comparable: the version, and the statements without order."""
    statements = (json.dumps(_statement(s), sort_keys=True) for s in _statements(document))
    return str(document.get("Version", _OLD_VERSION)), frozenset(statements)


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    normal: dict[str, Any] = {}
    for element, value in statement.items():
        known = _NORMAL.get(element)
        normal[element] = known(value) if known else _values(value)
    return normal


def _values(value: Any) -> list[str]:
    """JSON's true is IAM's "true", and 5 its "5"."""
    return sorted({str(v).lower() if isinstance(v, bool) else str(v) for v in listed(value)})


def _actions(value: Any) -> list[str]:
    return sorted({action.lower() for action in _values(value)})


def _principals(value: Any) -> dict[str, list[str]]:
    """`*` is everybody with an AWS identity, and an account's number is its root user's ARN."""
    if not isinstance(value, Mapping):
        return {"AWS": _values(value)} if value is not None else {}
    return {kind: sorted(map(_principal, _values(names))) for kind, names in value.items()}


def _principal(name: str) -> str:
    return f"arn:aws:iam::{name}:root" if _ACCOUNT.fullmatch(name) else name


def _conditions(value: Any) -> dict[str, dict[str, list[str]]]:
    return {
        operator: {key.lower(): _values(values) for key, values in tests.items()}
        for operator, tests in (value or {}).items()
    }


_NORMAL: Mapping[str, Callable[[Any], Any]] = {
    "Action": _actions,
    "NotAction": _actions,
    "Principal": _principals,
    "NotPrincipal": _principals,
    "Condition": _conditions,
}
