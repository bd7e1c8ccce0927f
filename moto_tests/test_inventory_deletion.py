"""What the real services do when something is deleted, and moto does not: they refuse for a while, or finish later.

The answers are those of the pages that the tests name, put in front of moto's.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from infra.inventory.account import Account
from infra.inventory.aws import AwsInventory
from infra.inventory.buckets import Buckets
from infra.inventory.security_groups import SecurityGroups
from moto_tests.answers import answer, refusal, success
from moto_tests.holding import CONTAINER, make, name_of
from moto_tests.picture import picture
from toolkit.clouds.aws import Clients, clients_for, cloud_of, tag_list
from toolkit.core.errors import AlError, Conflict
from toolkit.core.names import Names
from toolkit.core.plan import Item
from toolkit.core.ports import Context


@pytest.fixture
def clients(aws_context: Context) -> Clients:
    return clients_for(cloud_of(aws_context.environment))


@pytest.fixture
def names(aws_context: Context) -> Names:
    return aws_context.names


@pytest.fixture
def made(clients: Clients, names: Names) -> Callable[[str], Item]:
    """A thing of ours of this kind, as an inventory names it."""

    def thing(kind: str) -> Item:
        make(clients.client, kind, name_of(kind, names), names.tags(agent="dev"))
        return Item(kind=kind, name=name_of(kind, names), tags=names.tags(agent="dev"))

    return thing


@pytest.fixture
def inventory(aws_context: Context) -> AwsInventory:
    return AwsInventory(aws_context, sleep=lambda _: None)


def kinds(clients: Clients) -> set[str]:
    return {kind for kind, _ in picture(clients.client)}


def test_a_secret_is_gone_when_it_can_no_longer_be_described(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """A deletion without recovery is asynchronous: the secret is described with its DeletedDate until it is done.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
    """
    secret = made("secret")
    waiting = success(Name=secret.name, DeletedDate=1.0)
    looks = answer(clients.client("secretsmanager"), "DescribeSecret", None, waiting, waiting)
    inventory.remove(secret)
    assert len(looks) == 4


def test_a_secret_that_waits_for_its_end_is_found_and_goes_at_once(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """Somebody deleted it with a recovery window: it is not listed by default, and its name is taken for weeks.

    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
    """
    secret = made("secret")
    clients.client("secretsmanager").delete_secret(SecretId=secret.name, RecoveryWindowInDays=7)
    (found,) = inventory.found().ours
    inventory.remove(found)
    clients.client("secretsmanager").create_secret(Name=secret.name, SecretString="new")


def test_a_secret_that_is_replicated_stays_and_the_regions_are_named(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """A primary secret cannot be deleted before its replicas, which somebody else has made
    (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html)."""
    secret, manager = made("secret"), clients.client("secretsmanager")
    manager.replicate_secret_to_regions(
        SecretId=secret.name, AddReplicaRegions=[{"Region": "eu-west-1"}, {"Region": "eu-west-3"}]
    )
    with pytest.raises(Conflict, match="replicated to eu-west-1, eu-west-3") as caught:
        inventory.remove(secret)
    assert "--remove-replica-regions eu-west-1 eu-west-3" in caught.value.hint
    manager.remove_regions_from_replication(
        SecretId=secret.name, RemoveReplicaRegions=["eu-west-1", "eu-west-3"]
    )
    inventory.remove(secret)
    assert "secret" not in kinds(clients)


def test_a_log_group_with_deletion_protection_stays_and_is_told_of(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """Somebody wants it kept: all deletions are refused until it is taken off by hand
    (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogGroupDeletionProtection.html)."""
    group, logs = made("log_group"), clients.client("logs")
    (found,) = logs.describe_log_groups(logGroupNamePrefix=group.name)["logGroups"]
    protected = success(logGroups=[{**found, "deletionProtectionEnabled": True}])
    answer(logs, "DescribeLogGroups", protected)
    deletions = answer(logs, "DeleteLogGroup")
    with pytest.raises(Conflict, match="protected from deletion") as caught:
        inventory.remove(group)
    assert "put-log-group-deletion-protection" in caught.value.hint
    assert deletions == []
    inventory.remove(group)
    assert "log_group" not in kinds(clients)


def test_a_role_in_an_instance_profile_stays_and_the_profile_is_named(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """The profile has not our tags, and a machine may run with the role
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html)."""
    role, iam = made("role"), clients.client("iam")
    iam.create_instance_profile(InstanceProfileName="theirs")
    iam.add_role_to_instance_profile(InstanceProfileName="theirs", RoleName=role.name)
    with pytest.raises(Conflict, match="instance profile theirs") as caught:
        inventory.remove(role)
    assert "remove-role-from-instance-profile" in caught.value.hint
    assert iam.list_role_policies(RoleName=role.name)["PolicyNames"] == ["grants"]


def test_a_table_is_gone_when_it_is_no_longer_deleting(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """DELETING comes first (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html)."""
    table = made("table")
    deleting = success(Table={"TableName": table.name, "TableStatus": "DELETING"})
    looks = answer(clients.client("dynamodb"), "DescribeTable", None, deleting, deleting)
    inventory.remove(table)
    assert len(looks) == 4


def test_a_table_that_is_deleting_is_waited_for_and_not_deleted_again(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """An earlier call was interrupted while it waited."""
    table = made("table")
    client = clients.client("dynamodb")
    live = client.describe_table(TableName=table.name)["Table"]
    answer(client, "DescribeTable", success(Table={**live, "TableStatus": "DELETING"}),
           refusal("ResourceNotFoundException", "gone"))  # fmt: skip
    deletions = answer(client, "DeleteTable")
    inventory.remove(table)
    assert deletions == []


def test_a_table_that_changes_is_deleted_when_it_has_changed(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """CREATING and UPDATING refuse: ResourceInUseException (API_DeleteTable)."""
    table = made("table")
    busy = refusal("ResourceInUseException", "Table is being created")
    answer(clients.client("dynamodb"), "DeleteTable", busy, busy)
    inventory.remove(table)
    assert "table" not in kinds(clients)


def test_a_function_that_changes_is_deleted_when_it_has_changed(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """An update in progress refuses: ResourceConflictException
    (https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html)."""
    function = made("function")
    busy = refusal("ResourceConflictException", "An update is in progress for resource")
    answer(clients.client("lambda"), "DeleteFunction", busy, busy)
    inventory.remove(function)
    assert "function" not in kinds(clients)


def test_a_function_goes_with_every_version_and_its_url(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """Without a qualifier DeleteFunction takes all versions and aliases (API_DeleteFunction)."""
    function, client = made("function"), clients.client("lambda")
    client.create_function_url_config(FunctionName=function.name, AuthType="NONE")
    client.publish_version(FunctionName=function.name)
    inventory.remove(function)
    assert client.list_functions(FunctionVersion="ALL")["Functions"] == []
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function_url_config(FunctionName=function.name)


def test_a_cluster_is_deleted_when_its_tasks_are_no_longer_counted(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """ClusterContainsTasksException until then
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html)."""
    cluster = made("cluster")
    busy = refusal("ClusterContainsTasksException", "The Cluster cannot be deleted")
    answer(clients.client("ecs"), "DeleteCluster", busy, busy)
    inventory.remove(cluster)
    assert "cluster" not in kinds(clients)


def test_revisions_are_deregistered_and_then_deleted_ten_at_a_time(
    clients: Clients, inventory: AwsInventory, names: Names
) -> None:
    """Only INACTIVE ones can be deleted, ten in a call
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html)."""
    ecs, family = clients.client("ecs"), names.family("dev")
    for _ in range(23):
        ecs.register_task_definition(
            family=family, containerDefinitions=[CONTAINER], tags=tag_list(names.tags(agent="dev"))
        )
    deletions = answer(ecs, "DeleteTaskDefinitions")
    (found,) = inventory.found().ours
    inventory.remove(found)
    assert len(found.attributes["revisions"]) == 23
    assert len(deletions) == 3
    assert "task_definition" not in kinds(clients)


def test_a_stranger_s_revision_of_our_family_stays(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """Each revision has its own tags."""
    ours = made("task_definition")
    clients.client("ecs").register_task_definition(
        family=ours.name, containerDefinitions=[CONTAINER]
    )
    found = inventory.found()
    assert [left.item.name for left in found.left] == [f"{ours.name}:3"]
    inventory.remove(found.ours[0])
    assert [n for kind, n in picture(clients.client) if kind == "task_definition"] == [
        f"{ours.name}:3"
    ]


def test_a_revision_that_cannot_be_deleted_is_an_error(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """It is told in `failures` of an answer that is a success otherwise (API_DeleteTaskDefinitions)."""
    definition = made("task_definition")
    failed = success(taskDefinitions=[], failures=[{"arn": "x:1", "reason": "still ACTIVE"}])
    answer(clients.client("ecs"), "DeleteTaskDefinitions", failed)
    with pytest.raises(AlError, match="still ACTIVE"):
        inventory.remove(definition)


def test_a_task_without_tags_is_known_by_what_started_it(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item], names: Names
) -> None:
    """StopTask deletes a task's tags (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html)."""
    made("cluster")
    made("task_definition")
    ecs = clients.client("ecs")
    subnet = clients.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    ecs.run_task(
        cluster=names.base, taskDefinition=names.family("dev"), launchType="FARGATE", startedBy="dev-1a2b3c4d",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}},
    )  # fmt: skip
    (task,) = [item for item in inventory.found().ours if item.kind == "task"]
    assert task.name == f"{names.base}/dev"
    inventory.remove(task)
    assert "task" not in kinds(clients)


def test_a_security_group_goes_when_the_last_interface_has_left_it(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """DependencyViolation until then
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html)."""
    group = made("security_group")
    used = refusal("DependencyViolation", "resource sg-1 has a dependent object")
    answer(clients.client("ec2"), "DeleteSecurityGroup", used, used)
    inventory.remove(group)
    assert "security_group" not in kinds(clients)


def test_a_security_group_that_stays_in_use_says_by_what(
    clients: Clients, made: Callable[[str], Item], names: Names
) -> None:
    """After the deadline, with the interface's id and what AWS says it is for."""
    group, ec2 = made("security_group"), clients.client("ec2")
    group_id = ec2.describe_security_groups(GroupNames=[group.name])["SecurityGroups"][0]["GroupId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    made_one = ec2.create_network_interface(
        SubnetId=subnet, Groups=[group_id], Description="AWS Lambda VPC ENI-dev"
    )
    answer(ec2, "DeleteSecurityGroup", refusal("DependencyViolation", "has a dependent object"))
    groups = SecurityGroups(
        Account(clients=clients, names=names, sleep=lambda _: None), patience=0.0
    )
    interface = made_one["NetworkInterface"]["NetworkInterfaceId"]
    with pytest.raises(Conflict, match=rf"{interface} \(AWS Lambda VPC ENI-dev\)"):
        groups.remove(group)


def test_a_list_that_is_throttled_is_asked_again(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """Lambda answers 15 control calls a second
    (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
    function = made("function")
    slower = refusal("TooManyRequestsException", "Rate exceeded")
    answer(clients.client("lambda"), "ListFunctions", *[slower] * 6)
    answer(clients.client("lambda"), "GetFunction", *[slower] * 6)
    assert function.key in {item.key for item in inventory.found().ours}


def test_what_may_not_be_listed_is_an_error(
    clients: Clients, inventory: AwsInventory, names: Names
) -> None:
    """An inventory that is not whole must not look like one."""
    denied = refusal("AccessDeniedException", "not authorized to perform: ecr:DescribeRepositories")
    answer(clients.client("ecr"), "DescribeRepositories", denied)
    with pytest.raises(AlError, match="DescribeRepositories"):
        inventory.found()


def test_a_bucket_goes_with_every_version_and_delete_marker(
    clients: Clients, names: Names, made: Callable[[str], Item]
) -> None:
    """A versioned bucket is empty only without them, and DeleteObjects takes 1,000, which is a page
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html)."""
    bucket, s3 = made("bucket"), clients.client("s3")
    for number in range(5):
        s3.put_object(Bucket=bucket.name, Key=f".pulumi/history/{number}", Body=b"x")
    batches = answer(s3, "DeleteObjects")
    Buckets(Account(clients=clients, names=names, sleep=lambda _: None), page=3).remove(bucket)
    assert s3.list_buckets()["Buckets"] == []
    assert len(batches) == 3


def test_an_object_that_cannot_be_deleted_is_an_error(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item]
) -> None:
    """DeleteObjects tells it in `Errors` of an answer with status 200 (API_DeleteObjects)."""
    failed = success(Errors=[{"Key": "a", "Code": "AccessDenied", "Message": "locked"}])
    answer(clients.client("s3"), "DeleteObjects", failed)
    with pytest.raises(AlError, match="locked"):
        inventory.remove(made("bucket"))


STATE = ".pulumi/stacks/shop/staging.json"


@pytest.mark.parametrize(
    "other",
    [".pulumi/stacks/shop/staging-eu.json", ".pulumi/stacks/other/staging.json", "notes.txt"],
)
def test_a_bucket_that_something_else_uses_stays_without_our_records(
    clients: Clients, inventory: AwsInventory, made: Callable[[str], Item], other: str
) -> None:
    """Other stacks' state, or what a user put there: the bucket stays, says why, and only our stack's records go."""
    bucket, s3 = made("bucket"), clients.client("s3")
    ours = (STATE, f"{STATE}.bak", ".pulumi/history/shop/staging/1.json",
            ".pulumi/locks/organization/shop/staging/1.json")  # fmt: skip
    for key in (*ours, other):
        s3.put_object(Bucket=bucket.name, Key=key, Body=b"{}")
    found = inventory.found()
    (left,) = found.left
    assert (left.item.key, other in left.why) == (bucket.key, True)
    inventory.remove(found.ours[0])
    with pytest.raises(Conflict, match="also holds"):
        inventory.remove(replace(bucket, attributes={}))
    listed: Any = s3.list_object_versions(Bucket=bucket.name)
    assert {v["Key"] for v in listed["Versions"]} & {*ours, other} == {other}
