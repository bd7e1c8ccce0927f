"""Whether IAM policies allow an action: Allow and Deny, actions and resources with wildcards, conditions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.  Pure: documents and a
request in, a verdict out.  Resource policies, organisations and policy variables are not looked at.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One action on one resource, with the condition keys of the request (names in lower case)."""

    action: str
    resource: str = "*"
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)


def allowed(documents: Iterable[str], need: Need) -> bool:
    """An explicit Deny wins; without an Allow it is no."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _statements(document)
        if _applies(statement, need)
    }
    return "Allow" in effects and "Deny" not in effects


def mentions(documents: Iterable[str], service: str) -> bool:
    """Whether anything of a service is allowed at all; for services whose calls are not decoded."""
    return any(
        statement["Effect"] == "Allow" and str(action).partition(":")[0] in {"*", service}
        for document in documents
        for statement in _statements(document)
        for action in listed(statement.get("Action"))
    )


def listed(value: Any) -> list[Any]:
    """IAM's one-or-many as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@lru_cache(maxsize=256)
def _statements(document: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(listed(json.loads(document).get("Statement")))


@lru_cache(maxsize=2048)
def _pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """IAM's wildcards are * and ? only: brackets stand for themselves."""
    return re.compile(translate(text.replace("[", "[[]")), flags)


def like(pattern: str, value: str) -> bool:
    return bool(_pattern(pattern).match(value))


def _applies(statement: Mapping[str, Any], need: Need) -> bool:
    return (
        _among(statement, "Action", lambda a: bool(_pattern(a, re.IGNORECASE).match(need.action)))
        and _among(statement, "Resource", lambda r: like(r, need.resource))
        and conditions_hold(statement.get("Condition") or {}, need.keys)
    )


def _among(statement: Mapping[str, Any], name: str, fits: Callable[[str], bool]) -> bool:
    if f"Not{name}" in statement:
        return not any(fits(str(value)) for value in listed(statement[f"Not{name}"]))
    return any(fits(str(value)) for value in listed(statement.get(name)))


# conditions


def conditions_hold(
    conditions: Mapping[str, Mapping[str, Any]], keys: Mapping[str, Sequence[str]]
) -> bool:
    """All operators, and all keys of each, must hold."""
    return all(
        _holds(operator, _words(wanted), keys.get(key.lower()))
        for operator, tests in conditions.items()
        for key, wanted in tests.items()
    )


def _words(value: Any) -> list[str]:
    return [str(v).lower() if isinstance(v, bool) else str(v) for v in listed(value)]


def _holds(operator: str, wanted: list[str], values: Sequence[str] | None) -> bool:
    if operator == "Null":
        return (values is None) == (wanted == ["true"])
    quantifier, _, plain = operator.rpartition(":")
    base = plain.removesuffix("IfExists")
    if quantifier == "ForAllValues":
        return all(_compares(base, wanted, value) for value in values or ())
    if values is None:
        # a negated operator holds for what is absent, any other does not
        return plain.endswith("IfExists") or "Not" in base
    return any(_compares(base, wanted, value) for value in values)


def _compares(operator: str, wanted: list[str], value: str) -> bool:
    negated = "Not" in operator
    test = _TESTS.get(operator.replace("Not", ""))
    if test is None:  # one that we cannot decide grants nothing
        return False
    return any(test(w, value) for w in wanted) != negated


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "NumericEquals": lambda wanted, value: float(wanted) == float(value),
    "NumericLessThan": lambda wanted, value: float(value) < float(wanted),
    "NumericLessThanEquals": lambda wanted, value: float(value) <= float(wanted),
    "NumericGreaterThan": lambda wanted, value: float(value) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, value: float(value) >= float(wanted),
    "DateLessThan": lambda wanted, value: value < wanted,
    "DateGreaterThan": lambda wanted, value: value > wanted,
}
