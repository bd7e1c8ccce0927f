"""What an identity may do on Google Cloud, from its roles and the conditions on them.  Pure.

An answer about names that begin in some way holds for every name that does: a condition compares with few texts, so the
names that it can tell apart are few, and all of them are tried.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from infra.desired.gcp_conditions import Malformed, Resource, holds, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role's permissions, and the condition under which they are had; "" is none."""

    role: str
    permissions: frozenset[str]
    expression: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A permission on a thing, or with `prefix` on everything whose name begins so."""

    permission: str
    name: str
    type: str
    prefix: bool = False

    @property
    def service(self) -> str:
        return self.type.partition("/")[0]


def possible(grants: Iterable[Grant], ask: Ask) -> Grant | None:
    """A grant by which it may be done, on one at least of the things that are asked about.  A condition that is not
    understood is taken to hold: a "no" is always true."""
    return next((g for g in _with(grants, ask) if any(_met(g, ask))), None)


def certain(grants: Iterable[Grant], ask: Ask) -> bool:
    """Whether it may be done on all of them.  A condition that is not understood is taken not to hold."""
    return any(_understood(g) and all(_met(g, ask)) for g in _with(grants, ask))


def _with(grants: Iterable[Grant], ask: Ask) -> Iterator[Grant]:
    return (grant for grant in grants if ask.permission in grant.permissions)


def _met(grant: Grant, ask: Ask) -> Iterator[bool]:
    if not _understood(grant):
        yield True
        return
    for name in _samples(ask, texts(grant.expression)):
        yield holds(grant.expression, Resource(name=name, type=ask.type, service=ask.service))


def _understood(grant: Grant) -> bool:
    try:
        holds(grant.expression, Resource(name="", type="", service=""))
    except Malformed:
        return False
    return True


def _samples(ask: Ask, compared: Iterable[str]) -> list[str]:
    """One name for each way in which the comparisons can come out: what is compared with, alone, continued, and as an
    ending."""
    if not ask.prefix:
        return [ask.name]
    beginnings = [ask.name, *(text for text in compared if text.startswith(ask.name))]
    endings = ["", "~", *compared]
    return list(dict.fromkeys(b + e for b, e in product(beginnings, endings)))


def granted(
    grants: Mapping[str, Mapping[str, str]], permissions: Mapping[str, Iterable[str]]
) -> list[Grant]:
    """A `service_account` item's grants, with the permissions of each role."""
    return [
        Grant(
            role=grant["role"],
            permissions=frozenset(permissions.get(grant["role"], ())),
            expression=grant["expression"],
        )
        for grant in grants.values()
    ]
