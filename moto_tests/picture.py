"""Everything that an account holds, as values that can be compared: kind, name -> tags and contents."""

from collections.abc import Callable, Iterator
from typing import Any

Client = Callable[[str], Any]
Picture = dict[tuple[str, str], Any]


def picture(client: Client) -> Picture:
    """All of it, whoever made it.  What AWS itself puts into every account, the default VPC's group, is left out."""
    return {key: what for look in _LOOKS for key, what in look(client)}


def names(client: Client) -> set[tuple[str, str]]:
    return set(picture(client))


def _pages(client: Any, operation: str, key: str, **request: Any) -> list[Any]:
    pages = client.get_paginator(operation).paginate(**request)
    return [one for page in pages for one in page.get(key, ())]


Found = Iterator[tuple[tuple[str, str], Any]]


def _functions(client: Client) -> Found:
    own = client("lambda")
    for one in _pages(own, "list_functions", "Functions"):
        name = one["FunctionName"]
        versions = _pages(own, "list_versions_by_function", "Versions", FunctionName=name)
        found = own.get_function(FunctionName=name)
        yield ("function", name), (found.get("Tags"), [v["Version"] for v in versions])


def _event_rules(client: Client) -> Found:
    own = client("events")
    for one in _pages(own, "list_rules", "Rules"):
        tags = own.list_tags_for_resource(ResourceARN=one["Arn"])["Tags"]
        targets = own.list_targets_by_rule(Rule=one["Name"])["Targets"]
        when = (one.get("ScheduleExpression"), one.get("EventPattern"))
        yield ("event_rule", one["Name"]), (tags, targets, when)


def _log_groups(client: Client) -> Found:
    own = client("logs")
    for one in _pages(own, "describe_log_groups", "logGroups"):
        name = one["logGroupName"]
        tags = own.list_tags_for_resource(resourceArn=one["arn"].removesuffix(":*"))["tags"]
        events = _pages(own, "filter_log_events", "events", logGroupName=name)
        yield (
            ("log_group", name),
            (tags, sorted((e["logStreamName"], e["message"]) for e in events)),
        )


def _task_definitions(client: Client) -> Found:
    own = client("ecs")
    for status in ("ACTIVE", "INACTIVE"):
        arns = _pages(own, "list_task_definitions", "taskDefinitionArns", status=status)
        for arn in arns:
            found = own.describe_task_definition(taskDefinition=arn, include=["TAGS"])
            yield (
                ("task_definition", arn.rsplit("/", 1)[-1]),
                (status, found.get("tags"), found["taskDefinition"]["containerDefinitions"]),
            )


def _clusters(client: Client) -> Found:
    own = client("ecs")
    arns = own.list_clusters()["clusterArns"]
    for one in own.describe_clusters(clusters=arns, include=["TAGS"])["clusters"] if arns else ():
        if one["status"] != "INACTIVE":
            name = one["clusterName"]
            yield ("cluster", name), one.get("tags")
            tasks = own.list_tasks(cluster=name)["taskArns"]
            yield from _tasks(own, name, tasks)


def _tasks(own: Any, cluster: str, arns: list[str]) -> Found:
    for task in own.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else ():
        if task["desiredStatus"] != "STOPPED":
            yield ("task", task["taskArn"]), task.get("startedBy")


def _repositories(client: Client) -> Found:
    own = client("ecr")
    for one in _pages(own, "describe_repositories", "repositories"):
        name = one["repositoryName"]
        tags = own.list_tags_for_resource(resourceArn=one["repositoryArn"])["tags"]
        images = _pages(own, "describe_images", "imageDetails", repositoryName=name)
        yield (
            ("repository", name),
            (tags, sorted((i["imageDigest"], i.get("imageTags")) for i in images)),
        )


def _secrets(client: Client) -> Found:
    own = client("secretsmanager")
    for one in _pages(own, "list_secrets", "SecretList"):
        yield ("secret", one["Name"]), (one.get("Tags"), _value(own, one["Name"]))


def _value(own: Any, name: str) -> str | None:
    """None for a secret that has been made and never set."""
    try:
        return str(own.get_secret_value(SecretId=name)["SecretString"])
    except own.exceptions.ResourceNotFoundException:
        return None


def _security_groups(client: Client) -> Found:
    for one in _pages(client("ec2"), "describe_security_groups", "SecurityGroups"):
        if one["GroupName"] != "default":
            yield (
                ("security_group", one["GroupName"]),
                (one["GroupId"], one.get("Tags"), one["IpPermissionsEgress"]),
            )


def _roles(client: Client) -> Found:
    own = client("iam")
    for one in own.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]:
        yield (
            ("role", one["RoleName"]),
            (one.get("Tags"), one["RolePolicyList"], one["AttachedManagedPolicies"]),
        )


def _tables(client: Client) -> Found:
    own = client("dynamodb")
    for name in _pages(own, "list_tables", "TableNames"):
        arn = own.describe_table(TableName=name)["Table"]["TableArn"]
        tags = own.list_tags_of_resource(ResourceArn=arn)["Tags"]
        yield ("table", name), (tags, _pages(own, "scan", "Items", TableName=name))


def _buckets(client: Client) -> Found:
    own = client("s3")
    for one in own.list_buckets()["Buckets"]:
        versions = own.list_object_versions(Bucket=one["Name"])
        kept = [(v["Key"], v["VersionId"], v["ETag"]) for v in versions.get("Versions", ())]
        yield ("bucket", one["Name"]), (kept, len(versions.get("DeleteMarkers", ())))


_LOOKS: tuple[Callable[[Client], Found], ...] = (
    _functions, _event_rules, _log_groups, _task_definitions, _clusters, _repositories, _secrets, _security_groups, _roles,
    _tables, _buckets,
)  # fmt: skip
