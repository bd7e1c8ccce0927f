"""What Lambda is asked to run: one image function per agent, and what its role may do.  Pure.

Nothing in it is particular to a run, and no secret (D1): an invocation's payload brings the run's id and the
name of its secret.
"""

import json
import re
from collections.abc import Mapping, Sequence

from toolkit.clouds.aws import arn, check_image, role_arn
from toolkit.clouds.aws_runs import run_environment, run_grants
from toolkit.core.agent import Agent
from toolkit.core.aws_limits import MOST_SECURITY_GROUPS, MOST_SUBNETS
from toolkit.core.environment import AwsCloud
from toolkit.core.errors import ConfigError
from toolkit.core.names import FUNCTIONS, Names
from toolkit.core.placement import LAMBDA_SECONDS
from toolkit.core.plan import Grant, Item
from toolkit.core.ports import Context, Limits
from toolkit.core.units import mib

# seconds; a run ends itself this long before the platform would, to report and to clean up
MARGIN = 10
LIMITS = Limits(
    timeout=LAMBDA_SECONDS,
    credentials_path="/tmp/credentials",  # noqa: S108 - the only place where a function may write
    writable=("/tmp",),  # noqa: S108
)

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MEMORY = range(128, 10_240 + 1)  # MB
NEW_ACCOUNT_MEMORY = 3008
DEFAULT_MEMORY = 512
VARIABLES_BYTES = 4096
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
# fmt: off
RESERVED = frozenset({
    "_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "TZ",
    "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_INITIALIZATION_TYPE",
})
# fmt: on


def refusals(names: Names, cloud: AwsCloud, agent: Agent) -> list[str]:
    """What of the agent's and the environment's settings Lambda would refuse."""
    function = names.function(agent.name)
    found = (
        _timeout(agent.timeout),
        _memory(_megabytes(agent)),
        None
        if _NAME.fullmatch(function)
        else f"{function!r} is no function name: use letters, digits, - and _",
        _too_many("lambdaSubnets", cloud.lambda_subnets, MOST_SUBNETS),
        _too_many("lambdaSecurityGroups", cloud.lambda_security_groups, MOST_SECURITY_GROUPS),
        _groups_alone(cloud),
        _spot(agent),
    )
    return [sentence for sentence in found if sentence]


def variable_refusals(variables: Mapping[str, str]) -> list[str]:
    """Which of these variables Lambda would refuse, and whether they are too much together."""
    found = [
        f"{name!r} cannot be a variable on Lambda: two or more of letters, digits and _, a letter first"
        for name in variables
        if not _VARIABLE.fullmatch(name)
    ]
    found += [f"{name} is set by Lambda itself" for name in variables if name in RESERVED]
    size = len(json.dumps(dict(variables), ensure_ascii=False).encode())
    if size > VARIABLES_BYTES:
        found.append(f"the variables have {size} bytes, Lambda takes {VARIABLES_BYTES}")
    return found


def definition(context: Context, cloud: AwsCloud, agent: Agent, image: str) -> Item:
    """The CreateFunction request.  Raises ConfigError for what Lambda would refuse or a wrong image."""
    check_image(cloud, image)
    variables = run_environment(context, cloud, agent.name, "aws_lambda", LIMITS)
    if wrong := [*refusals(context.names, cloud, agent), *variable_refusals(variables)]:
        raise ConfigError("; ".join(wrong), hint=f"change the settings of agent {agent.name}")
    function = context.names.function(agent.name)
    request = {
        "FunctionName": function,
        "PackageType": "Image",
        "Code": {"ImageUri": image},
        "Role": role(context.names, cloud, agent.name),
        "Timeout": min(agent.timeout + MARGIN, LAMBDA_SECONDS),
        "MemorySize": _megabytes(agent),
        "Architectures": [agent.arch],
        "Environment": {"Variables": variables},
        "LoggingConfig": {
            "LogFormat": "Text",
            "LogGroup": context.names.lambda_log_group(agent.name),
        },
        "VpcConfig": {
            "SubnetIds": list(cloud.lambda_subnets),
            "SecurityGroupIds": list(groups(context.names, cloud)),
        },
        "Publish": False,
    }
    tags = context.names.tags(agent=agent.name)
    return Item(kind="function", name=function, attributes=request, tags=tags)


def grants(names: Names, cloud: AwsCloud, agent: Agent) -> tuple[Grant, ...]:
    """No logs:CreateLogGroup: a function that is finishing would make a group again that was just deleted."""
    group = names.lambda_log_group(agent.name)
    logs = Grant(
        role="lambda",
        actions=("logs:CreateLogStream", "logs:PutLogEvents"),
        resources=(arn(cloud, "logs", f"log-group:{group}:log-stream:*"),),
        reason="writing what the agent prints",
    )
    network = Grant(
        role="lambda",
        actions=(
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ),
        resources=("*",),
        reason="running in the environment's subnets; the actions know no resource that exists yet",
    )
    own = run_grants(names, cloud, agent.name, role="lambda")
    return (logs, *own, network) if cloud.lambda_subnets else (logs, *own)


def role(names: Names, cloud: AwsCloud, agent: str) -> str:
    return role_arn(cloud, cloud.brought_role(agent, "lambda"), names.role(agent, "lambda"))


def groups(names: Names, cloud: AwsCloud) -> tuple[str, ...]:
    """The user's security groups by id, else ours by name, which has an id once push has made it.

    Lambda takes subnets and groups together or neither; none take a function out of a VPC that an earlier version
    was in (https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html).
    """
    if cloud.lambda_security_groups or not cloud.lambda_subnets:
        return cloud.lambda_security_groups
    return (names.security_group(FUNCTIONS),)


def _megabytes(agent: Agent) -> int:
    return mib(agent.memory) if agent.memory else DEFAULT_MEMORY


def _timeout(seconds: int) -> str | None:
    if 1 <= seconds <= LAMBDA_SECONDS:
        return None
    return f"a timeout of {seconds} s: Lambda takes 1 to {LAMBDA_SECONDS}"


def _memory(megabytes: int) -> str | None:
    if megabytes in MEMORY:
        return None
    return (
        f"{megabytes} MB of memory: Lambda takes {MEMORY[0]} to {MEMORY[-1]}, "
        f"and no more than {NEW_ACCOUNT_MEMORY} in many new accounts"
    )


def _groups_alone(cloud: AwsCloud) -> str | None:
    if cloud.lambda_subnets or not cloud.lambda_security_groups:
        return None
    return "the environment names lambdaSecurityGroups and no lambdaSubnets: Lambda takes both or neither"


def _spot(agent: Agent) -> str | None:
    if not agent.spot:
        return None
    return (
        f"spot: Lambda has no Spot capacity, and a timeout of {agent.timeout} s runs there: remove spot, or set "
        f'a timeout over {LAMBDA_SECONDS} s or lambda = "never" to run on Fargate'
    )


def _too_many(what: str, named: Sequence[str], most: int) -> str | None:
    if len(named) <= most:
        return None
    return f"the environment names {len(named)} {what}, Lambda takes {most}"
