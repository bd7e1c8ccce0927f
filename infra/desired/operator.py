"""The smallest policies for whoever runs `al`: a person, or a CI job.  Pure; nothing here gives them to anybody.

Things are named, by prefix where they are an agent's.  What is made must carry this environment's tags, a role may be
changed only while it carries them, handed to no service but its own, and made with no less than the environment's
permission boundary.  What each command calls is in operator_rights.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from toolkit.clouds.aws import cloud_of
from toolkit.core.environment import Environment
from toolkit.core.plan import Grant

from . import operator_identity as identity
from . import operator_rights as rights
from .operator_names import Ours
from .policy import VERSION, check_size, everything, policy, text
from .without_resource import OF_OPERATORS

# of a managed policy; a user or role takes ten
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)
MANAGED_SIZE = 6_144
DEPLOY, WITHOUT_IAM, RUN, READ_IDENTITIES = "deploy", "deploy-without-iam", "run", "read-identities"

Document = Mapping[str, Any]
Rights = Callable[[Ours], Iterator[Grant]]

_NEEDED: Mapping[str, tuple[Rights, ...]] = {
    DEPLOY: (rights.deploying, identity.passing, identity.writing),
    WITHOUT_IAM: (rights.deploying, identity.passing, identity.reading),
    RUN: (rights.running, identity.passing),
    READ_IDENTITIES: (lambda _: identity.identities(),),
}


def policies(environment: Environment) -> dict[str, Document]:
    """Name -> document, whole: for a role's inline policy, unless the environment's names are very long.

    `deploy` pushes, doctors and tears down, roles included; `deploy-without-iam` does where somebody else makes the
    roles; `run` starts, follows and stops runs; `read-identities` may go with the first two, and makes `al doctor -c`
    faster in a project of many agents, at the price of reading the whole account's IAM.  Raises ConfigError where the environment is not on AWS.
    """
    ours = Ours(environment=environment, cloud=cloud_of(environment))
    return {name: _document(ours, parts) for name, parts in _NEEDED.items()}


def split(whole: Document, limit: int = MANAGED_SIZE) -> tuple[Document, ...]:
    """The same statements in documents that are no longer than `limit`, in order.

    Raises LimitExceeded for a statement that alone is longer, or has characters that IAM does not take.
    """
    pages: list[list[Any]] = [[]]
    for statement in whole["Statement"]:
        if pages[-1] and len(text(_of([*pages[-1], statement]))) > limit:
            pages.append([])
        pages[-1].append(statement)
    documents = tuple(map(_of, pages))
    for document in documents:
        check_size(document, limit, "the operator")
    return documents


def _document(ours: Ours, parts: Iterable[Rights]) -> Document:
    grants = (grant for needed in parts for grant in needed(ours))
    return policy(merged(g for g in grants if g.resources), without_resource=OF_OPERATORS)


def merged(grants: Iterable[Grant]) -> Iterator[Grant]:
    """Grants that say no more together: of the same conditions, and of the same resources or of different services,
    since an action of one means nothing for another's resource.  IAM counts characters."""
    found: list[Grant] = []
    for grant in grants:
        place = next((n for n, known in enumerate(found) if _alike(known, grant)), None)
        if place is None:
            found.append(grant)
        else:
            found[place] = _together(found[place], grant)
    yield from found


def _alike(one: Grant, other: Grant) -> bool:
    if text(one.conditions) != text(other.conditions):
        return False
    if sorted(one.resources) == sorted(other.resources):
        return True
    named = not any(map(everything, (*one.resources, *other.resources)))
    return named and not _services(one) & _services(other)


def _together(one: Grant, other: Grant) -> Grant:
    resources = tuple(dict.fromkeys((*one.resources, *other.resources)))
    return replace(one, actions=(*one.actions, *other.actions), resources=resources)


def _services(grant: Grant) -> set[str]:
    return {action.partition(":")[0] for action in grant.actions}


def _of(statements: list[Any]) -> Document:
    return {"Version": VERSION, "Statement": statements}
