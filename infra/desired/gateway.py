"""The gateway on AWS: one Lambda function with a public URL, and the role that it runs with.  Pure.

The URL is public because webhook senders cannot sign AWS requests; the gateway checks its own API key.  What wakes it
besides is in schedule.py, what it may do in gateway_grants.py.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from toolkit.clouds.aws import check_image
from toolkit.core.agent import CredentialRef
from toolkit.core.environment import AwsCloud
from toolkit.core.names import GATEWAY, Names
from toolkit.core.plan import Item

from . import schedule
from .gateway_grants import Reach
from .policy import INLINE_SIZE, policy, text, trust

API_KEY = (CredentialRef(type="gateway_api_key"), ("key",))
# seconds: the longest answer is a bounded log stream of 20 s, and a pass of the scheduler may launch for most of it
TIMEOUT = 60
MEMORY = 512  # MB
EVENT_RETRIES = 1  # of an event whose pass has failed, a minute later

# A new URL needs both, since October 2025 (https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html).
PERMISSIONS = (
    {"id": "al-url", "action": "lambda:InvokeFunctionUrl", "url_auth": "NONE"},
    {"id": "al-url-invoke", "action": "lambda:InvokeFunction", "via_url": True},
)


def items(reach: Reach, image: str | None) -> Iterator[Item]:
    """The role, and the function with what wakes it once there is an image.  Raises ConfigError for an image without
    digest."""
    cloud, names = reach.cloud, reach.names
    role = names.role(GATEWAY, "lambda")
    yield Item(
        kind="role",
        name=role,
        attributes={
            "trust": trust("lambda", cloud.account),
            "policy": document(reach),
            "boundary": cloud.permission_boundary,
        },
        tags=names.tags(),
    )
    if image is not None:
        check_image(cloud, image)
        yield _function(cloud, names, role, image)
        yield from schedule.items(cloud, names, [agent for agent, _, _ in reach.agents])


def document(reach: Reach) -> dict[str, Any]:
    """The role's policy: every agent by its name, unless IAM would not take a document of that length."""
    named = policy(reach.grants())
    if len(text(named)) <= INLINE_SIZE:
        return named
    return policy(replace(reach, by_name=False).grants())


def _function(cloud: AwsCloud, names: Names, role: str, image: str) -> Item:
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
            "events": {"retries": EVENT_RETRIES, "oldest": schedule.OLDEST},
            "url": {"auth": "NONE", "invoke_mode": "BUFFERED"},
            "permissions": [*PERMISSIONS, *schedule.permissions(cloud, names)],
        },
        tags=names.tags(),
    )
