"""Who may become the role that CI deploys with: a job of one repository, branch and environment, and nobody else.

Pure.  `al` prints these trust policies and never applies them: it grants nothing to whoever runs it.  Everything is
compared with StringEquals, because a wildcard in a subject has let strangers in at others' accounts.

What GitHub signs: https://docs.github.com/en/actions/reference/security/oidc.  The subject of a job with an
environment names the environment and no branch, so the branch is pinned by the claim `ref`, which AWS compares
since January 2026, for github.com only
(https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims/).  On
another host the repository's subject template has to carry it: `include_claim_keys` = repo, context, ref.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.core.plan import Grant

from .policy import TRUST_SIZE, VERSION, check_size, policy
from .without_resource import OF_OPERATORS

AUDIENCE = "sts.amazonaws.com"
GITHUB = "github.com"
TEMPLATE = ("repo", "context", "ref")  # the claims of a subject that names the branch too


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository on github.com, on *.ghe.com, or on a GitHub Enterprise Server.

    `ids` are the numbers of its owner and of itself, which outlive names: since 15 July 2026 they are in the
    subjects of new and renamed repositories, `repo:octo@1/shop@2:...`
    (https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens/).
    """

    owner: str
    name: str
    host: str = GITHUB
    ids: tuple[str, str] | None = None

    @property
    def path(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def issuer(self) -> str:
        """Whose tokens AWS has to know, without https://; it is also the beginning of the condition keys."""
        if self.host == GITHUB:
            return "token.actions.githubusercontent.com"
        if self.host.endswith(".ghe.com"):
            return f"token.actions.{self.host}"
        return f"{self.host}/_services/token"

    def subjects(self, context: str) -> list[str]:
        """`sub` for what follows the repository.  With ids in both forms, since a repository may change its own."""
        named = f"repo:{self.path}:{context}"
        if self.ids is None:
            return [named]
        owner, repository = self.ids
        return [named, f"repo:{self.owner}@{owner}/{self.name}@{repository}:{context}"]


def provider(account: str, repository: Repository) -> str:
    """The ARN of the identity provider that stands for GitHub in the account."""
    return f"arn:aws:iam::{account}:oidc-provider/{repository.issuer}"


def deploy_trust(
    account: str, repository: Repository, *, environment: str, branch: str
) -> dict[str, Any]:
    """A job that runs for this branch, in this GitHub environment.  Raises LimitExceeded."""
    context, ref = f"environment:{environment}", f"refs/heads/{branch}"
    if repository.host == GITHUB:
        return _trust(account, repository, "Deploy", context, {"ref": ref})
    return _trust(account, repository, "Deploy", f"{context}:ref:{ref}", {})


def plan_trust(account: str, repository: Repository) -> dict[str, Any]:
    """A job of any pull request from within the repository; one from a fork gets no token.  Raises LimitExceeded.

    Whoever may push a branch can write such a job, so what the role may do must be harmless.
    """
    return _trust(account, repository, "Plan", "pull_request", {})


def plan_policy(account: str, region: str, table: str) -> dict[str, Any]:
    """What a dry run reads: what was pushed (no run, no credential), and the network that tasks would be in.

    EC2's Describe actions know no resource
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html).
    """
    facts = Grant(
        role="plan",
        actions=("dynamodb:BatchGetItem", "dynamodb:Query"),
        resources=(f"arn:aws:dynamodb:{region}:{account}:table/{table}",),
        conditions={
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["fact"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
        reason="what was pushed",
    )
    network = Grant(
        role="plan",
        actions=("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        resources=("*",),
        reason="network",
    )
    return policy([facts, network], without_resource=OF_OPERATORS)


def _trust(
    account: str, repository: Repository, what: str, context: str, claims: Mapping[str, str]
) -> dict[str, Any]:
    subjects = repository.subjects(context)
    equals = {"aud": AUDIENCE, "sub": subjects[0] if len(subjects) == 1 else subjects, **claims}
    if repository.ids is not None:
        equals["repository_id"] = repository.ids[1]
    statement = {
        "Sid": f"{what}FromGitHub",
        "Effect": "Allow",
        "Principal": {"Federated": provider(account, repository)},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{repository.issuer}:{key}": value for key, value in equals.items()}
        },
    }
    document = {"Version": VERSION, "Statement": [statement]}
    check_size(document, TRUST_SIZE, f"the role of {repository.path}")
    return document
