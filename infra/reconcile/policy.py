"""Whether IAM policies allow an action: identity policies, a permission boundary, and who a resource lets in.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.  Pure: documents and a
request in, a verdict out.  What cannot be decided never grants: `allowed` counts an undecided Allow for nothing and
an undecided Deny as one, `possible` the other way round.  Service and resource control policies and session policies
are not looked at; they only take away.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from . import conditions
from .conditions import Facts, facts, resolved
from .patterns import Answer, every, fits, negated, resource, some

CURRENT = "2012-10-17"  # older documents know no variables


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One action on one resource, with the condition keys of the request; a key without values is absent.

    The resource and the values may be patterns: then it stands for every request that fits them.
    """

    action: str
    resource: str = "*"
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Somebody as a trust or resource policy names them: `kind` is Service, AWS or Federated."""

    kind: str
    name: str


def allowed(documents: Iterable[str], need: Need, *, boundary: Iterable[str] = ()) -> bool:
    """Whether it is certain that identity policies allow it, within the boundary when there is one.

    An explicit Deny wins; without an Allow it is no.  A condition key that the need does not name is absent.
    """
    edge, known = tuple(boundary), facts(need.keys)
    return _certain(_answers(documents, need, known)) and (
        not edge or _certain(_answers(edge, need, known))
    )


def possible(documents: Iterable[str], need: Need) -> bool:
    """Whether any request of this kind might be allowed: a condition key that the need does not name may have any
    value.  "No" is a proof.  A boundary can only take away, so a proof needs none."""
    answers = tuple(_answers(documents, need, facts(need.keys, open_world=True)))
    denied = any(s.denies and answer for s, answer in answers)
    return not denied and any(s.allows and answer is not False for s, answer in answers)


def admits(document: str, who: Who, need: Need) -> bool:
    """Whether a trust policy, or a resource's, certainly lets somebody in.  Who is let in as an account's member
    needs permission of their own, too."""
    return _certain(
        (s, every((_named(s.parts, who), answer)))
        for s, answer in _answers([document], need, facts(need.keys))
    )


def _answers(
    documents: Iterable[str], need: Need, known: Facts
) -> Iterator[tuple["_Statement", Answer]]:
    return ((statement, statement.applies(need, known)) for statement in _of(documents))


def _certain(answers: Iterable[tuple["_Statement", Answer]]) -> bool:
    granted = False
    for statement, answer in answers:
        if statement.denies and answer is not False:
            return False
        granted = granted or bool(statement.allows and answer)
    return granted


def mentions(documents: Iterable[str], service: str) -> bool:
    """Whether anything of a service may be allowed; for services whose calls are not decoded."""
    return any(
        "NotAction" in s.parts
        or any(str(a).partition(":")[0] in {"*", service} for a in listed(s.parts.get("Action")))
        for s in _of(documents)
        if s.allows
    )


def like(pattern: str, value: str) -> bool:
    """Whether the value certainly fits a pattern with * and ?."""
    return bool(fits(pattern, value))


def listed(value: Any) -> list[Any]:
    """IAM's one-or-many as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


# one statement


@dataclass(frozen=True, slots=True)
class _Statement:
    """`parts` as written; `variables`: whether the document is of the version that knows them."""

    parts: Mapping[str, Any]
    variables: bool

    @property
    def denies(self) -> bool:
        return bool(self.parts["Effect"] == "Deny")

    @property
    def allows(self) -> bool:
        return bool(self.parts["Effect"] == "Allow")

    def applies(self, need: Need, known: Facts) -> Answer:
        """Whether its actions, resources and conditions are those of the need."""
        known = known if self.variables else known.without_variables()
        action = self._among("Action", lambda pattern: fits(pattern, need.action, case=False))
        if action is False:
            return False
        where: Answer = True
        if self._names_resources:
            where = self._among("Resource", lambda pattern: _fits(pattern, need, known))
        if where is False:
            return False
        return every((action, where, conditions.hold(self.parts.get("Condition") or {}, known)))

    @property
    def _names_resources(self) -> bool:
        """A trust policy names none: it is about its own role."""
        return bool({"Resource", "NotResource"} & self.parts.keys()) or not (
            {"Principal", "NotPrincipal"} & self.parts.keys()
        )

    def _among(self, name: str, fit: Callable[[str], Answer]) -> Answer:
        if f"Not{name}" in self.parts:
            return negated(some(fit(str(v)) for v in listed(self.parts[f"Not{name}"])))
        return some(fit(str(v)) for v in listed(self.parts.get(name)))


def _fits(text: str, need: Need, known: Facts) -> Answer:
    pattern, sure = resolved(text, known)
    answer = resource(pattern, need.resource)
    return answer if sure or answer is False else None


def _of(documents: Iterable[str]) -> Iterator[_Statement]:
    return (statement for document in documents for statement in _statements(document))


@lru_cache(maxsize=1024)
def _statements(document: str) -> tuple[_Statement, ...]:
    parsed = json.loads(document)
    variables = parsed.get("Version") == CURRENT
    return tuple(_Statement(parts, variables) for parts in listed(parsed.get("Statement")))


# principals


def _named(statement: Mapping[str, Any], who: Who) -> Answer:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html."""
    if "NotPrincipal" in statement:
        return negated(_is_one_of(statement["NotPrincipal"], who))
    return _is_one_of(statement.get("Principal"), who)


def _is_one_of(principal: Any, who: Who) -> Answer:
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return None
    names = [str(name) for name in listed(principal.get(who.kind))]
    return some(_is(name, who) for name in names)


def _is(name: str, who: Who) -> Answer:
    """An account's number or root stands for whomever that account lets: its own policies say who."""
    if name in {"*", who.name}:
        return True
    account = name.removeprefix("arn:aws:iam::").removesuffix(":root")
    if who.kind == "AWS" and account.isdigit():
        return f"::{account}:" in who.name or who.name == account
    return False
