"""What Secrets Manager, CloudWatch Logs and ECR refuse beyond their models."""

import re

from .calls import Call, Refusal
from .cloud import Cloud
from .refusal_table import Rules

# Secrets Manager: API reference (CreateSecret, DeleteSecret) and
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html

_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


def secret_name(call: Call, _: Cloud) -> None:
    if not _SECRET_NAME.fullmatch(call.parameters["Name"]):
        raise Refusal(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )


def secret_scheduled(call: Call, cloud: Cloud) -> None:
    """While a secret waits for its deletion its name is taken, and that is another error than an existing one."""
    with cloud.backend("secretsmanager", call.region) as backend:
        found = backend.secrets.get(call.parameters["Name"])
        scheduled = bool(found and found.deleted_date)
    if scheduled:
        raise Refusal(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )


def secret_partial_arn(call: Call, cloud: Cloud) -> None:
    """Of an ARN without its random ending, a last hyphen and six characters of the name are taken for the ending."""
    wanted = call.parameters.get("SecretId", "")
    if not wanted.startswith("arn:") or not _SUFFIX.search(wanted):
        return
    with cloud.backend("secretsmanager", call.region) as backend:
        exact = any(secret.arn == wanted for secret in backend.secrets.values())
    if not exact:
        raise Refusal(
            "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
        )


# CloudWatch Logs: API reference (CreateLogGroup, PutLogEvents, PutRetentionPolicy)

RETENTION = frozenset(
    {
        1,
        3,
        5,
        7,
        14,
        30,
        60,
        90,
        120,
        150,
        180,
        365,
        400,
        545,
        731,
        1096,
        1827,
        2192,
        2557,
        2922,
        3288,
        3653,
    }
)
LARGEST_BATCH, EVENT_OVERHEAD = 1_048_576, 26  # bytes
_DAY_MS = 24 * 3600 * 1000


def group_name(call: Call, _: Cloud) -> None:
    if call.parameters["logGroupName"].lower().startswith("aws/"):
        raise Refusal(
            "InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS."
        )


def retention(call: Call, _: Cloud) -> None:
    if call.parameters["retentionInDays"] not in RETENTION:
        raise Refusal(
            "InvalidParameterException",
            f"1 validation error detected: Value '{call.parameters['retentionInDays']}' at 'retentionInDays' failed "
            f"to satisfy constraint: Member must satisfy enum value set: {sorted(RETENTION)}",
        )


def batch(call: Call, _: Cloud) -> None:
    events = call.parameters["logEvents"]
    sizes = [len(event["message"].encode()) + EVENT_OVERHEAD for event in events]
    if sizes and max(sizes) > LARGEST_BATCH:
        raise Refusal(
            "InvalidParameterException",
            f"Log event too large: {max(sizes)} bytes exceeds limit of {LARGEST_BATCH}",
        )
    if sum(sizes) > LARGEST_BATCH:
        raise Refusal(
            "InvalidParameterException",
            f"Upload too large: {sum(sizes)} bytes exceeds limit of {LARGEST_BATCH}",
        )
    times = [event["timestamp"] for event in events]
    if times and max(times) - min(times) > _DAY_MS:
        raise Refusal(
            "InvalidParameterException",
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        )


RULES: Rules = {
    ("secretsmanager", "CreateSecret"): (secret_name, secret_scheduled),
    ("secretsmanager", "GetSecretValue"): (secret_partial_arn,),
    ("secretsmanager", "DescribeSecret"): (secret_partial_arn,),
    ("secretsmanager", "PutSecretValue"): (secret_partial_arn,),
    ("secretsmanager", "DeleteSecret"): (secret_partial_arn,),
    ("logs", "CreateLogGroup"): (group_name,),
    ("logs", "PutRetentionPolicy"): (retention,),
    ("logs", "PutLogEvents"): (batch,),
}
