"""What an AWS account should hold for a project in an environment (D6): project in, items out.

Pure: no cloud, no Pulumi, no value of a secret.  The Pulumi program renders these items, and `al doctor -c`
compares a live account with the same ones.  The state table is not among them: it must be there before the
deploy lease, so the ledger makes it.

Kinds and their attributes:

    repository       immutable, scan_on_push, lifecycle, policy (None: nobody but the account)
    log_group        retention_days
    network          vpc, subnets, groups, default: found, not made; tasks run in it
    security_group   description, vpc, egress
    cluster          capacity_providers
    secret           description
    role             trust, policy, boundary (the ARN of a managed policy, or None)
    function         image, role, timeout, memory, environment, url, permissions
    event_rule       schedule or pattern, function
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from toolkit.clouds.aws import arn, cloud_of
from toolkit.core.aws_limits import retention
from toolkit.core.environment import Environment
from toolkit.core.names import BASE, GATEWAY, Names
from toolkit.core.plan import Item

from . import builds, gateway, limits, network, schedule
from .gateway_grants import Deployed, Needed, Reach
from .network import Network
from .policy import VERSION, policy, trust

KINDS = (
    *("repository", "log_group", "network", "security_group", "cluster", "secret", "role"),
    *("function", schedule.KIND),
)
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
CAPACITY_PROVIDERS = ("FARGATE", "FARGATE_SPOT")

# 7 days give a push that was interrupted between layers and tag time to be finished
_LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "description": "images that nothing names any more",
            "selection": {
                "tagStatus": "untagged",
                "countType": "sinceImagePushed",
                "countUnit": "days",
                "countNumber": 7,
            },
            "action": {"type": "expire"},
        }
    ]
}


def desired(
    environment: Environment,
    agents: Sequence[Deployed],
    credentials: Sequence[Needed],
    *,
    gateway_image: str | None,
    networks: Sequence[Network] = (),
) -> tuple[Item, ...]:
    """Every item, in the order in which they can be made.

    `networks` are those that runs are in, as they were found in the account.

    `gateway_image` is by digest; None leaves the function out, because a first push must make its repository
    before there can be an image.  Raises LimitExceeded for what AWS would refuse, before anything is sent.
    """
    scene = _Scene(environment)
    reach = Reach(
        cloud=scene.cloud,
        names=scene.names,
        agents=agents,
        credentials=[*credentials, gateway.API_KEY],
    )
    items = [
        *scene.repositories(agents),
        *scene.log_groups(agents),
        *network.items(scene.names, networks),
        *scene.cluster(),
        *scene.secrets([*credentials, gateway.API_KEY]),
        *(role for agent in agents for role in scene.roles(agent)),
        *gateway.items(reach, gateway_image),
        *builds.aws_items(environment),
    ]
    unique = {item.key: item for item in items}.values()
    ordered = tuple(sorted(unique, key=lambda i: (KINDS.index(i.kind), i.name)))
    limits.check(ordered)
    return ordered


def _lambdas(agents: Sequence[Deployed]) -> list[str]:
    return [agent.name for agent, runtime, _ in agents if runtime == "aws_lambda"]


class _Scene:
    """One environment's items, by kind."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.cloud = cloud_of(environment)
        self.names = Names(environment.scope)

    def repositories(self, agents: Sequence[Deployed]) -> Iterator[Item]:
        """One per agent, one for the base image, one for the gateway's."""
        yield self._repository(BASE, pulled_by=None)
        yield self._repository(GATEWAY, pulled_by=self.names.function(GATEWAY))
        for agent, runtime, _ in agents:
            on_lambda = runtime == "aws_lambda"
            yield self._repository(
                agent.name, pulled_by=self.names.function(agent.name) if on_lambda else None
            )

    def _repository(self, part: str, *, pulled_by: str | None) -> Item:
        """Immutable, because tags are hashes of contents: one that never moves never leaves the digest of a
        definition untagged, and so the lifecycle rule, which takes only untagged ones, never takes it."""
        return Item(
            kind="repository",
            name=self.names.repository(part),
            attributes={
                "immutable": True,
                "scan_on_push": True,
                "lifecycle": _LIFECYCLE,
                "policy": self._pull_policy(pulled_by) if pulled_by else None,
            },
            tags=self._tags(part),
        )

    def _pull_policy(self, function: str) -> dict[str, Any]:
        """Lambda reads an image through its repository's policy, not through the function's role; it adds one
        by itself only for deployers who may write it
        (https://docs.aws.amazon.com/lambda/latest/dg/images-create.html)."""
        its_arn = arn(self.cloud, "lambda", f"function:{function}")
        statement = {
            "Sid": "LambdaPullsForOneFunction",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Condition": {"StringLike": {"aws:SourceArn": [its_arn, f"{its_arn}:*"]}},
        }
        return {"Version": VERSION, "Statement": [statement]}

    def log_groups(self, agents: Sequence[Deployed]) -> Iterator[Item]:
        """Made by us, or Lambda would make them with no end to their retention, and Fargate tasks would not
        start (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html)."""
        yield self._log_group(self.names.ecs_log_group)
        for part in (GATEWAY, *_lambdas(agents)):
            yield self._log_group(self.names.lambda_log_group(part), part)

    def _log_group(self, name: str, part: str = GATEWAY) -> Item:
        days = retention(self.environment.log_retention_days)
        return Item(
            kind="log_group", name=name, attributes={"retention_days": days}, tags=self._tags(part)
        )

    def cluster(self) -> Iterator[Item]:
        """Ours, unless the environment names the user's own.  A task on Spot capacity is refused by a cluster that
        FARGATE_SPOT is not associated with
        (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html)."""
        if not self.cloud.cluster:
            yield Item(
                kind="cluster",
                name=self.names.base,
                attributes={"capacity_providers": list(CAPACITY_PROVIDERS)},
                tags=self.names.tags(),
            )

    def secrets(self, credentials: Iterable[Needed]) -> Iterator[Item]:
        """Containers only: `al push` and `al creds` set the values."""
        for ref, fields in credentials:
            for field in fields:
                yield Item(
                    kind="secret",
                    name=self.names.credential(ref, field),
                    attributes={"description": f"{field} of the credential {ref}"},
                    tags=self.names.tags(),
                )

    def roles(self, deployed: Deployed) -> Iterator[Item]:
        """One per purpose that the agent has grants for, except those that the user brings."""
        agent, _, grants = deployed
        for purpose in sorted({grant.role for grant in grants}):
            if not self.cloud.brought_role(agent.name, purpose):
                yield Item(
                    kind="role",
                    name=self.names.role(agent.name, purpose),
                    attributes={
                        "trust": trust(purpose, self.cloud.account),
                        "policy": policy(g for g in grants if g.role == purpose),
                        "boundary": self.cloud.permission_boundary,
                    },
                    tags=self._tags(agent.name),
                )

    def _tags(self, part: str) -> dict[str, str]:
        return self.names.tags(agent=None if part in (BASE, GATEWAY) else part)
