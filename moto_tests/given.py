"""What the laws in this directory start from: an agent, an image, a run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from toolkit.core.agent import Agent, AgentName
from toolkit.core.ports import Context
from toolkit.core.run import RunId, RunSpec
from toolkit.core.secrets import SecretLease, SecretRef

ACCOUNT, REGION = "123456789012", "us-east-1"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/al-shop-staging-dev@sha256:{'a' * 64}"
OTHER_IMAGE = IMAGE.replace("a" * 64, "b" * 64)
CLUSTER = "al-shop-staging"
TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{CLUSTER}/0123456789abcdef0123456789abcdef"
MOMENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MOMENT_MS = int(MOMENT.timestamp() * 1000)


def agent(name: str = "dev", **settings: Any) -> Agent:
    return Agent(
        name=AgentName(name), directory=Path("agents") / name, instructions="work", **settings
    )


def spec(definition: str, run: str = "dev-1a2b3c4d", secret: str | None = None) -> RunSpec:
    id_ = RunId(run)
    ref = SecretRef(
        store="aws_secrets", name=secret or f"action-llama/shop/staging/runs/dev/{run}-0f_"
    )
    lease = SecretLease(
        ref=ref, agent=id_.agent, run=run, created=MOMENT, expires=MOMENT + timedelta(hours=1)
    )
    return RunSpec(run=id_, agent=id_.agent, definition=definition, timeout=900, lease=lease)


def with_cloud(context: Context, **changes: Any) -> Context:
    """The same environment with other settings of its cloud."""
    cloud = replace(context.environment.cloud, **changes)  # type: ignore[type-var]
    return replace(context, environment=replace(context.environment, cloud=cloud))
