"""What Google refuses, checked before anything is sent.  Pure.

Each limit is from the service's own page, named beside it.  The policy of a project is shared with everybody else in it:
what is checked here is that ours alone would fit.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from toolkit.core.errors import LimitExceeded
from toolkit.core.gcp_names import labels_of, secret_id
from toolkit.core.plan import Item

from .gcp_marks import mark
from .limits import Rule

RULES: Mapping[str, Rule] = {
    "api": Rule(
        r"[a-z0-9.]+\.googleapis\.com",
        255,
        "the name of an API",
        "https://cloud.google.com/service-usage/docs/reference/rest/v1/services",
    ),
    "image_repository": Rule(
        r"[a-z](-?[a-z0-9])*",
        63,
        "lower-case letters, digits and inner hyphens, a letter first",
        "https://cloud.google.com/artifact-registry/docs/repositories/create-repos",
    ),
    "secret": Rule(
        r"[A-Za-z0-9_-]+",
        255,
        "letters, digits, - and _",
        "https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets/create",
    ),
    "custom_role": Rule(
        r"[A-Za-z0-9_.]{3,}",
        64,
        "letters, digits, periods and underscores",
        "https://cloud.google.com/iam/docs/reference/rest/v1/projects.roles/create",
    ),
    "service_account": Rule(
        r"(?=.{6})[a-z]([-a-z0-9]*[a-z0-9])",
        30,
        "lower-case letters, digits and inner hyphens, a letter first, 6 at least",
        "https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create",
    ),
    "run_service": Rule(
        r"[a-z]([-a-z0-9]*[a-z0-9])?",
        49,
        "lower-case letters, digits and inner hyphens, a letter first",
        "https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/create",
    ),
    "timer": Rule(
        r"[A-Za-z0-9_-]+",
        500,
        "letters, digits, - and _",
        "https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#Job",
    ),
}
# bytes: https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts#ServiceAccount and, for roles,
# https://cloud.google.com/iam/quotas#limits, and for timers the same page of Cloud Scheduler
TEXTS: Mapping[str, Mapping[str, int]] = {
    "service_account": {"display_name": 100, "description": 256},
    "custom_role": {"title": 100, "description": 300},
    "timer": {"description": 500},
}
LABELS, LABEL = 64, 63  # https://cloud.google.com/resource-manager/docs/labels-overview
_LABELLED = ("image_repository", "secret", "run_service")

# https://cloud.google.com/iam/quotas#limits
PRINCIPALS, SAME_ROLE_AND_MEMBER, OPERATORS = 1_500, 20, 12
POLICY_SIZE = 64 * 1024  # bytes


def check(items: Sequence[Item]) -> None:
    """Raises LimitExceeded for the first thing that Google would refuse."""
    for item in items:
        _check_name(item)
        _check_texts(item)
        if item.kind in _LABELLED:
            _check_labels(item)
    _check_policy([item for item in items if item.kind == "service_account"])


def _check_name(item: Item) -> None:
    rule = RULES[item.kind]
    name = secret_id(item.name) if item.kind == "secret" else item.name
    if len(name) > rule.longest or not re.fullmatch(rule.pattern, name, re.ASCII):
        raise LimitExceeded(
            f"{name!r} cannot be the name of a {item.kind.replace('_', ' ')}: Google takes up to "
            f"{rule.longest} {rule.words} ({rule.source})",
            hint="change the name of the project, the environment or the credential's instance",
        )


def _check_texts(item: Item) -> None:
    texts = {**item.attributes, "description": mark(item.tags)}
    for field, longest in TEXTS.get(item.kind, {}).items():
        if len(texts[field].encode()) > longest:
            raise LimitExceeded(
                f"the {field.replace('_', ' ')} of the {item.kind.replace('_', ' ')} {item.name} has "
                f"{len(texts[field].encode())} bytes; Google takes {longest}",
                hint="give the project or the environment a shorter name",
            )


def _check_labels(item: Item) -> None:
    labels = labels_of(item.tags)
    wrong = [k for k, v in labels.items() if not _is_label(k, v)]
    if wrong or len(labels) > LABELS:
        raise LimitExceeded(
            f"{item.name} has labels that Google refuses: {', '.join(wrong) or f'{len(labels)} of them'}",
            hint=f"labels are up to {LABELS}, of up to {LABEL} lower-case letters, digits, - and _",
        )


def _is_label(key: str, value: str) -> bool:
    return bool(
        re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) and re.fullmatch(r"[a-z0-9_-]{0,63}", value)
    )


def _check_policy(accounts: Iterable[Item]) -> None:
    """All of our bindings stand in the project's one policy."""
    grants = [(a.name, grant) for a in accounts for grant in a.attributes["grants"].values()]
    same = Counter((account, grant["role"]) for account, grant in grants)
    size = sum(_size(account, grant) for account, grant in grants)
    most = max(same.values(), default=0)
    if size > POLICY_SIZE or len(grants) > PRINCIPALS or most > SAME_ROLE_AND_MEMBER:
        raise LimitExceeded(
            f"the project's IAM policy would get {len(grants)} members in {size} bytes, and up to {most} bindings of one "
            f"role to one account: Google takes {PRINCIPALS}, {POLICY_SIZE} and {SAME_ROLE_AND_MEMBER} "
            "(https://cloud.google.com/iam/quotas#limits)",
            hint="put some of the agents into another Google Cloud project",
        )
    for account, grant in grants:
        if len(re.findall(r"&&|\|\||!(?!=)", grant["expression"])) > OPERATORS:
            raise LimitExceeded(
                f"the condition of {account} on {grant['role']} has more than {OPERATORS} logical operators",
                hint="this is a mistake in al: please report it",
            )


# a binding's own fields, and the part of an account's e-mail that its id is not
_BINDING, _EMAIL = 40, 60


def _size(account: str, grant: Mapping[str, str]) -> int:
    return _BINDING + _EMAIL + len(account) + sum(len(text.encode()) for text in grant.values())
