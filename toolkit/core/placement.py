"""Which runtime executes an agent in an environment.

On AWS the effective timeout decides: Lambda up to 900 s, the service's maximum
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), Fargate beyond.

Without a cloud an agent runs in Docker when it is there, unless it asks to be another user of this machine; on the bare host
only a script may run, or a model whose user has said so (D22), which the local runtime checks.
"""

from .agent import Agent
from .environment import AwsCloud, Environment, GcpCloud

LAMBDA_SECONDS = 900


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
