"""The gateway on AWS: one Lambda function with a public URL, and the role that it runs with.  Pure.

The URL is public because webhook senders cannot sign AWS requests; the gateway checks its own API key.
"""

from collections.abc import Iterator

from toolkit.clouds.aws import arn, check_image
from toolkit.core.agent import CredentialRef
from toolkit.core.environment import AwsCloud
from toolkit.core.names import GATEWAY, Names
from toolkit.core.plan import Grant, Item

from .policy import policy, trust

API_KEY = (CredentialRef(type="gateway_api_key"), ("key",))
TIMEOUT = 60  # seconds: the longest answer is a bounded log stream of 20 s
MEMORY = 512  # MB

# A new URL needs both, since October 2025 (https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html).
PERMISSIONS = (
    {"id": "al-url", "action": "lambda:InvokeFunctionUrl", "url_auth": "NONE"},
    {"id": "al-url-invoke", "action": "lambda:InvokeFunction", "via_url": True},
)


def items(cloud: AwsCloud, names: Names, image: str | None) -> Iterator[Item]:
    """The role, and the function once there is an image.  Raises ConfigError for an image without digest."""
    role = names.role(GATEWAY, "lambda")
    yield Item(
        kind="role",
        name=role,
        attributes={
            "trust": trust("lambda", cloud.account),
            "policy": policy(grants(cloud, names)),
            "boundary": cloud.permission_boundary,
        },
        tags=names.tags(),
    )
    if image is not None:
        check_image(cloud, image)
        yield _function(names, role, image)


def grants(cloud: AwsCloud, names: Names) -> tuple[Grant, ...]:
    """It reads its key, the runs and their logs, and writes its own log; it starts nothing and lists no secrets.

    The logs are those of every agent that the environment has had: runs outlive agents, and so do their logs.
    """
    ref, (field,) = API_KEY
    groups = [names.ecs_log_group, names.lambda_log_groups]

    def streams(group: str) -> str:
        return arn(cloud, "logs", f"log-group:{group}:*")

    # six characters follow every secret's name, new at each creation
    # (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html)
    key = arn(cloud, "secretsmanager", f"secret:{names.credential(ref, field)}-??????")
    return (
        Grant(
            role="lambda",
            actions=("secretsmanager:GetSecretValue",),
            resources=(key,),
            reason="read its API key",
        ),
        Grant(
            role="lambda",
            actions=("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"),
            resources=(arn(cloud, "dynamodb", f"table/{names.table}"),),
            reason="read runs",
        ),
        Grant(
            role="lambda",
            actions=("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"),
            resources=tuple(map(streams, groups)),
            reason="read logs of runs",
        ),
        Grant(
            role="lambda",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=(streams(names.lambda_log_group(GATEWAY)),),
            reason="write its own log",
        ),
    )


def _function(names: Names, role: str, image: str) -> Item:
    return Item(
        kind="function",
        name=names.function(GATEWAY),
        attributes={
            "image": image,
            "role": role,
            "log_group": names.lambda_log_group(GATEWAY),
            "timeout": TIMEOUT,
            "memory": MEMORY,
            "environment": {"AL_DEPLOYMENT": "/app/static/deployment.json"},
            "url": {"auth": "NONE", "invoke_mode": "BUFFERED"},
            "permissions": list(PERMISSIONS),
        },
        tags=names.tags(),
    )
