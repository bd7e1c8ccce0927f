"""AWS's limits on what many runs do at once, each with the page that documents it and what helps (data).

A figure that differs between accounts is AWS's default here; the account's own comes from whoever may look at it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

LAMBDA, FARGATE, ANY = "aws_lambda", "ecs_fargate", ""

_SPREAD = "spread the schedules over several minutes"
_FIXED = f"{_SPREAD}: this limit cannot be raised"
_SECRETS = "https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html"
_LOGS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
_ECS = "https://docs.aws.amazon.com/general/latest/gr/ecs-service.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_TABLES = (
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A limit: how much, of what, where it is written, and what to do about it."""

    name: str
    limit: float
    unit: str
    source: str
    remedy: str


def _raised(name: str) -> str:
    return f"ask for more of {name!r} in the Service Quotas console, or lower `scale`"


def _at_a_time(name: str, limit: float, unit: str, source: str, remedy: str) -> Quota:
    return Quota(name=name, limit=limit, unit=f"{unit} at a time", source=source, remedy=remedy)


# an event that waits for its turn for more than a minute is dropped: runtimes/_lambda_versions.py sets that age
CONCURRENCY = _at_a_time(
    "Lambda concurrent executions",
    1_000,
    "runs",
    _LAMBDA,
    f"{_raised('Concurrent executions')}: an event that waits for more than a minute is dropped",
)
VCPUS = _at_a_time(
    "Fargate On-Demand vCPU resource count",
    6,
    "vCPUs",
    _ECS,
    _raised("Fargate On-Demand vCPU resource count"),
)
SPOT_VCPUS = _at_a_time(
    "Fargate Spot vCPU resource count",
    6,
    "vCPUs",
    _ECS,
    _raised("Fargate Spot vCPU resource count"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many calls the start of one run makes against a quota, on which runtime."""

    quota: Quota
    calls: int
    runtime: str = ANY


def _rate(name: str, limit: float, unit: str, source: str, remedy: str = _SPREAD) -> Quota:
    return Quota(name=name, limit=limit, unit=unit, source=source, remedy=remedy)


_SECOND = "calls a second"
RATES: Sequence[Rate] = (
    Rate(
        quota=_rate(
            "Fargate task launches",
            100,
            "at once (then 20 a second)",
            "https://docs.aws.amazon.com/AmazonECS/latest/userguide/throttling.html",
        ),
        calls=1,
        runtime=FARGATE,
    ),
    Rate(quota=_rate("Secrets Manager CreateSecret", 50, _SECOND, _SECRETS, _FIXED), calls=1),
    # the container's, right after its start; the launcher's comes at the run's end
    Rate(quota=_rate("Secrets Manager DeleteSecret", 50, _SECOND, _SECRETS, _FIXED), calls=1),
    Rate(
        quota=_rate("CloudWatch Logs CreateLogStream", 50, _SECOND, _LOGS),
        calls=1,
        runtime=FARGATE,
    ),
    # record, lease and handle by the launcher; claim, read and burned by the container
    Rate(quota=_rate("DynamoDB writes to a new table", 4_000, _SECOND, _TABLES), calls=6),
    # about as many layers as an image upon our base has
    Rate(
        quota=_rate(
            "ECR GetDownloadUrlForLayer",
            3_000,
            _SECOND,
            "https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html",
        ),
        calls=12,
        runtime=FARGATE,
    ),
)
