"""An account that several environments and strangers share: one thing of any kind made with boto3 alone, and a picture
of everything that is there, byte by byte."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from infra import state_bucket
from moto_tests.given import ACCOUNT, REGION
from moto_tests.picture import Picture, picture
from toolkit.clouds.aws import tag_list
from toolkit.core.environment import AwsCloud, Scope
from toolkit.core.names import TASKS, TIMER, Names
from toolkit.core.ports import Context

Client = Callable[[str], Any]
Tags = Mapping[str, str]
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
CONTAINER = {"name": "agent", "image": "busybox", "memory": 128}


def of(context: Context, project: str, environment: str) -> Context:
    """The same account for another project or environment."""
    scope = Scope(project=project, environment=environment)
    return replace(context, environment=replace(context.environment, name=environment, scope=scope))


def name_of(kind: str, names: Names, agent: str = "dev") -> str:
    """What `al` calls a thing of this kind."""
    cloud = AwsCloud(region=REGION, account=ACCOUNT)
    return {
        "task": f"{names.base}/{agent}",
        "function": names.function(agent),
        "event_rule": names.event_rule(TIMER),
        "log_group": names.lambda_log_group(agent),
        "task_definition": names.family(agent),
        "cluster": names.base,
        "repository": names.repository(agent),
        "secret": f"{names.secrets}github_token/default/token",
        "security_group": names.security_group(TASKS),
        "role": names.role(agent, "task"),
        "table": names.table,
        "bucket": state_bucket.name(names, cloud),
    }[kind]


def make(client: Client, kind: str, name: str, tags: Tags) -> None:
    """One thing of this kind under this name, with something in it."""
    _MAKERS[kind](client, name, tags)


def _function(client: Client, name: str, tags: Tags) -> None:
    role = client("iam").create_role(RoleName=f"lender-{name}"[:64], AssumeRolePolicyDocument=TRUST)
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/base@sha256:{'0' * 64}"
    client("lambda").create_function(
        FunctionName=name, PackageType="Image", Code={"ImageUri": image}, Tags=dict(tags),
        Role=role["Role"]["Arn"],
    )  # fmt: skip
    client("lambda").publish_version(FunctionName=name)


def _event_rule(client: Client, name: str, tags: Tags) -> None:
    """With a target, which keeps EventBridge from deleting it."""
    events = client("events")
    events.put_rule(
        Name=name, ScheduleExpression="rate(1 minute)", Tags=tag_list(tags, "Key", "Value")
    )
    target = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:some"
    events.put_targets(Rule=name, Targets=[{"Id": "gateway", "Arn": target}])


def _log_group(client: Client, name: str, tags: Tags) -> None:
    client("logs").create_log_group(logGroupName=name, **({"tags": dict(tags)} if tags else {}))
    write_line(client, name, "dev/agent/1")


def write_line(client: Client, group: str, stream: str) -> None:
    client("logs").create_log_stream(logGroupName=group, logStreamName=stream)
    client("logs").put_log_events(
        logGroupName=group,
        logStreamName=stream,
        # one of long ago would be dropped with an answer that looks like success (API reference, PutLogEvents)
        logEvents=[{"timestamp": int(time.time() * 1000), "message": f"a line in {group}"}],
    )


def _task_definition(client: Client, name: str, tags: Tags) -> None:
    """Two revisions, the first of which is INACTIVE."""
    for _ in range(2):
        client("ecs").register_task_definition(
            family=name, containerDefinitions=[CONTAINER], tags=tag_list(tags)
        )
    client("ecs").deregister_task_definition(taskDefinition=f"{name}:1")


def _cluster(client: Client, name: str, tags: Tags) -> None:
    client("ecs").create_cluster(clusterName=name, tags=tag_list(tags))


def _task(client: Client, name: str, tags: Tags) -> None:
    """A task in a cluster of these tags, as of the run `<agent>-1a2b3c4d`."""
    cluster, agent = name.split("/")
    _cluster(client, cluster, tags)
    client("ecs").register_task_definition(
        family=f"{cluster}-{agent}", containerDefinitions=[CONTAINER], tags=tag_list(tags)
    )
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    client("ecs").run_task(
        cluster=cluster, taskDefinition=f"{cluster}-{agent}", launchType="FARGATE",
        tags=tag_list({**tags, "al:agent": agent} if tags else {}),
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}},
    )  # fmt: skip


def _repository(client: Client, name: str, tags: Tags) -> None:
    client("ecr").create_repository(repositoryName=name, tags=tag_list(tags, "Key", "Value"))
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
    )
    client("ecr").put_image(repositoryName=name, imageManifest=manifest, imageTag="one")


def _secret(client: Client, name: str, tags: Tags) -> None:
    client("secretsmanager").create_secret(
        Name=name, SecretString=f"value of {name}", Tags=tag_list(tags, "Key", "Value")
    )


def _security_group(client: Client, name: str, tags: Tags) -> None:
    vpc = client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    tagged = [{"ResourceType": "security-group", "Tags": tag_list(tags, "Key", "Value")}]
    client("ec2").create_security_group(
        GroupName=name,
        Description="x",
        VpcId=vpc,
        **({"TagSpecifications": tagged} if tags else {}),
    )


def _role(client: Client, name: str, tags: Tags) -> None:
    """With an inline policy and an attached one: each keeps IAM from deleting it."""
    iam = client("iam")
    iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=TRUST, Tags=tag_list(tags, "Key", "Value")
    )
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::x/*"}
    ]})  # fmt: skip
    iam.put_role_policy(RoleName=name, PolicyName="grants", PolicyDocument=policy)
    made = iam.create_policy(PolicyName=f"of-{name}", PolicyDocument=policy)
    iam.attach_role_policy(RoleName=name, PolicyArn=made["Policy"]["Arn"])


def _table(client: Client, name: str, tags: Tags) -> None:
    client("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", Tags=tag_list(tags, "Key", "Value"),
        AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )  # fmt: skip
    client("dynamodb").put_item(TableName=name, Item={"pk": {"S": "a"}, "sk": {"S": "b"}})


def _bucket(client: Client, name: str, tags: Tags) -> None:
    """Versioned, with an object that has an earlier version and one that is deleted."""
    s3 = client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags, "Key", "Value")})
    for body in (b"one", b"two"):
        s3.put_object(Bucket=name, Key=".pulumi/meta.yaml", Body=body)
    s3.put_object(Bucket=name, Key=".pulumi/gone.json", Body=b"x")
    s3.delete_object(Bucket=name, Key=".pulumi/gone.json")


_MAKERS: Mapping[str, Callable[[Client, str, Tags], None]] = {
    "task": _task,
    "function": _function,
    "event_rule": _event_rule,
    "log_group": _log_group,
    "task_definition": _task_definition,
    "cluster": _cluster,
    "repository": _repository,
    "secret": _secret,
    "security_group": _security_group,
    "role": _role,
    "table": _table,
    "bucket": _bucket,
}
KINDS = tuple(_MAKERS)


@dataclass(frozen=True, slots=True)
class World:
    """The account, for the laws of inventories."""

    client: Client
    names: Names

    def called(self, kind: str) -> str:
        return name_of(kind, self.names)

    def make(self, kind: str, tags: Tags) -> None:
        make(self.client, kind, name_of(kind, self.names), tags)

    def picture(self) -> Picture:
        return picture(self.client)
