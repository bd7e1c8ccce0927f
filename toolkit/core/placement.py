"""Which runtime executes an agent in an environment.

On AWS the effective timeout decides: Lambda up to 900 s, the service's maximum
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), Fargate beyond.

Without a cloud an agent runs in Docker when it is there, unless it asks to be another user of this machine; on the bare host
only a script may run, or a model whose user has said so (D22), which the local runtime checks.
"""

from .agent import Agent
from .environment import AwsCloud, Environment, GcpCloud

LAMBDA_SECONDS = 900
AT = "@"  # neither a plug-in's name nor an environment's has one


def runtime_name(agent: Agent, environment: Environment) -> str:
    """The plug-in's name, e.g. `aws_lambda`."""
    match environment.cloud:
        case AwsCloud(use_lambda=use_lambda):
            return "aws_lambda" if use_lambda and agent.timeout <= LAMBDA_SECONDS else "ecs_fargate"
        case GcpCloud():
            return "cloud_run"
        case None if agent.isolation == "host-user":
            return "host_user"
        case None:
            return "docker" if environment.docker else "local"


def placed(runtime: str, environment: str) -> str:
    """The name that a run's record has for a runtime of another environment than its scheduler's: `cloud_run@production`."""
    return f"{runtime}{AT}{environment}"


def place_of(runtime: str) -> str | None:
    """The environment in such a name; None in a plain one: that of whoever keeps the record."""
    return runtime.partition(AT)[2] or None


def plain(runtime: str) -> str:
    """The plug-in's name in it."""
    return runtime.partition(AT)[0]
