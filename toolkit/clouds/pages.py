"""Where a cloud's own console shows a run, for people: one address for each kind.  Pure.

Addresses of AWS's partitions: https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html.
An embedded cloud has no console.
"""

from collections.abc import Mapping

from toolkit.core.environment import AwsCloud, GcpCloud
from toolkit.core.run import PAGE

_PARTITIONS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


def of_task(cloud: AwsCloud, cluster: str, task_arn: str) -> Mapping[str, str]:
    """Of a task on Fargate.  As part of a handle's ids, empty where there is no page."""
    path = f"ecs/v2/clusters/{_last(cluster)}/tasks/{_last(task_arn)}?region={cloud.region}"
    return _page(cloud, path)


def of_function(cloud: AwsCloud, function: str, version: str) -> Mapping[str, str]:
    """Of the function's version: a single invocation has no page."""
    path = f"lambda/home?region={cloud.region}#/functions/{function}/versions/{version}"
    return _page(cloud, path)


def of_execution(cloud: GcpCloud, execution: str) -> Mapping[str, str]:
    """Of an execution of a Cloud Run job."""
    if cloud.endpoint is not None:
        return {}
    place = f"run/jobs/executions/details/{cloud.region}/{execution}"
    return {PAGE: f"https://console.cloud.google.com/{place}?project={cloud.project}"}


def _page(cloud: AwsCloud, path: str) -> Mapping[str, str]:
    if cloud.endpoint is not None:
        return {}
    found = (host for start, host in _PARTITIONS.items() if cloud.region.startswith(start))
    return {PAGE: f"https://{cloud.region}.{next(found, 'console.aws.amazon.com')}/{path}"}


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]
