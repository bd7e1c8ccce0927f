"""What the services refuse, checked before anything is sent.  Pure.

Each limit is from the service's API reference, named beside it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from toolkit.core.aws_limits import (
    LONGEST_SECRET_NAME,
    LONGEST_SECURITY_GROUP,
    MOST_SECURITY_GROUPS,
    MOST_SUBNETS,
    SECRET_NAME,
    SECURITY_GROUP_TEXT,
)
from toolkit.core.errors import Conflict, LimitExceeded
from toolkit.core.plan import Item

from . import policy


@dataclass(frozen=True, slots=True)
class Rule:
    """How a service wants names: a pattern, the longest length, and where it says so."""

    pattern: str
    longest: int
    words: str
    source: str


RULES: Mapping[str, Rule] = {
    "repository": Rule(
        r"(?=[a-z])[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*",
        256,
        "lower-case letters and digits with single . _ - or / between them, a letter first",
        "https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-create.html",
    ),
    "role": Rule(
        r"[\w+=,.@-]+",
        64,
        "letters, digits and +=,.@_-",
        "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html",
    ),
    "log_group": Rule(
        r"(?!aws/)[.\-_/#A-Za-z0-9]+",
        512,
        "letters, digits and ._-/#",
        "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
    ),
    "security_group": Rule(
        rf"(?!sg-){SECURITY_GROUP_TEXT}",
        LONGEST_SECURITY_GROUP,
        "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, not beginning with sg-",
        "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html",
    ),
    "cluster": Rule(
        r"[A-Za-z0-9_-]+",
        255,
        "letters, digits, - and _",
        "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html",
    ),
    "secret": Rule(
        SECRET_NAME,
        LONGEST_SECRET_NAME,
        "letters, digits and /_+=.@-, and no hyphen with six characters at the end",
        "https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html",
    ),
    "function": Rule(
        r"[a-zA-Z0-9_-]+",
        64,
        "letters, digits, - and _",
        "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html",
    ),
    "event_rule": Rule(
        r"[.\-_A-Za-z0-9]+",
        64,
        "letters, digits and ._-",
        "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html",
    ),
}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html, the narrowest of the services
TAGS, TAG_KEY, TAG_VALUE = 50, 128, 256


def check(items: Iterable[Item]) -> None:
    """Raises LimitExceeded for the first item that its service would refuse, Conflict for two of one name."""
    seen: dict[tuple[str, str], str] = {}
    for item in items:
        if item.kind == "network":  # found, not made: nobody takes its name
            _check_network(item)
        else:
            _check_name(item)
            _check_tags(item)
        if item.kind == "role":
            policy.check_size(item.attributes["trust"], policy.TRUST_SIZE, item.name)
            policy.check_size(item.attributes["policy"], policy.INLINE_SIZE, item.name)
        # IAM compares names without case; the others gain nothing from two that differ only in it
        other = seen.setdefault((item.kind, item.name.lower()), item.name)
        if other is not item.name:
            raise Conflict(
                f"two things would be the {_words(item.kind)} {item.name}", hint="rename one agent"
            )


def _check_name(item: Item) -> None:
    rule = RULES[item.kind]
    if len(item.name) > rule.longest or not re.fullmatch(rule.pattern, item.name, re.ASCII):
        raise LimitExceeded(
            f"{item.name!r} cannot be the name of a {_words(item.kind)}: AWS takes up to "
            f"{rule.longest} {rule.words} ({rule.source})",
            hint="change the name of the project, the environment or the credential's instance",
        )


def _check_tags(item: Item) -> None:
    long = [k for k, v in item.tags.items() if len(k) > TAG_KEY or len(v) > TAG_VALUE]
    if long or len(item.tags) > TAGS:
        raise LimitExceeded(
            f"the {_words(item.kind)} {item.name} has tags that AWS refuses: "
            f"{', '.join(long) or f'{len(item.tags)} of them'}",
            hint=f"tags are up to {TAGS}, keys up to {TAG_KEY} and values up to {TAG_VALUE} characters",
        )


def _check_network(item: Item) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html, and the same for Lambda:
    https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html"""
    subnets, groups = len(item.attributes["subnets"]), len(item.attributes["groups"])
    if not 1 <= subnets <= MOST_SUBNETS or groups > MOST_SECURITY_GROUPS:
        raise LimitExceeded(
            f"{item.name} would be in {subnets} subnets with {groups} security groups: AWS takes 1 to "
            f"{MOST_SUBNETS}, and up to {MOST_SECURITY_GROUPS}",
            hint="change the lists in the environment's file",
        )


def _words(kind: str) -> str:
    return kind.replace("_", " ")
