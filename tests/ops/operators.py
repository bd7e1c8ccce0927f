"""Operators' policies of environments of every shape, and what they allow."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.desired.policy import text
from infra.reconcile.policy import Need, allowed
from tests.infra.scenes import ACCOUNT, CLOUD, REGION, environment
from toolkit.core.environment import Environment, Scope
from toolkit.core.ports import Context
from toolkit.ops.operator import policies
from toolkit.wiring import Services

NOWHERE = Path("/nowhere")
EDGE = f"arn:aws:iam::{ACCOUNT}:policy/edge"
BOUNDED = environment(cloud=replace(CLOUD, permission_boundary=EDGE))
BROUGHT = replace(
    CLOUD, cluster="theirs", task_role="team/task", agent_roles=(("a", "lambda", "mine"),)
)
LONG = "a-project-with-a-name-that-is-long"
SHAPES = {
    "plain": environment(),
    "bounded": BOUNDED,
    "brought": environment(cloud=BROUGHT),
    "long": environment("an-environment-with-a-long-name-too", LONG),
    "based": environment(images={"base": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/al-base:1"}),
    "their-bucket": environment(pulumi={"backend": "s3://theirs/state?region=eu-central-1",
                                        "secretsProvider": f"awskms:///arn:aws:kms:{REGION}:{ACCOUNT}:key/1"}),
    "alias": environment(pulumi={"secretsProvider": f"awskms://alias/al?region={REGION}"}),
    "legacy": replace(environment(), scope=Scope(project="shop", environment="production", legacy_names=True)),
}  # fmt: skip
OURS = {"aws:requesttag/al:project": ["shop"], "aws:requesttag/al:environment": ["production"]}
TAGGED = {key.replace("requesttag", "resourcetag"): values for key, values in OURS.items()}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/al-shop-production-dev-task-role"


def of(env: Environment) -> Mapping[str, Mapping[str, Any]]:
    return policies(Services(Context(environment=env, home=NOWHERE, project=NOWHERE)))


def judged(env: Environment, name: str, action: str, resource: str = "*", **keys: Any) -> bool:
    """Whether a policy allows it, with the keys of `found` and nothing else."""
    need = Need(action=action, resource=resource, keys=keys.get("found", {}))
    return allowed([text(of(env)[name])], need)


def statements(document: Mapping[str, Any]) -> Iterator[tuple[list[str], list[str]]]:
    """(actions, resources) of each."""
    for statement in document["Statement"]:
        yield tuple(
            [v] if isinstance(v, str) else v for v in (statement["Action"], statement["Resource"])
        )  # type: ignore[misc]


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"
