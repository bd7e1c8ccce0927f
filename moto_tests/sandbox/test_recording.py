"""What was asked is remembered once: by whom, which action, on what, with which keys, and what the judge said."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import boto3
import httpx
from botocore.exceptions import ClientError

from infra.reconcile.policy import Need
from toolkit.sandbox.recording import OPERATOR, Asked, Recording
from toolkit.sandbox.state import Sandbox

from .world import World, make_role


def asked(sandbox: Sandbox, method: str = "GET") -> list[Asked]:
    url = f"{sandbox.endpoint}/al-sandbox/calls"
    answer = httpx.request(method, url, trust_env=False).raise_for_status().json()
    return [Asked.from_dict(call) for call in answer]


def test_what_is_asked_twice_is_recorded_once(sandbox: Sandbox, client: Callable[..., Any]) -> None:
    """And DELETE begins anew."""
    assert asked(sandbox, "DELETE") == []
    for _ in range(2):
        client("iam").list_roles()
    assert [(c.principal, c.action) for c in asked(sandbox)] == [(OPERATOR, "iam:ListRoles")]


def test_a_role_s_calls_are_its_own_and_refused_ones_are_marked(
    sandbox: Sandbox, client: Callable[..., Any]
) -> None:
    """An agent that asks for another's secret is refused, and seen."""
    allowed = {
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "arn:aws:secretsmanager:*:*:secret:mine*",
    }
    role = make_role(client("iam"), "recorded", "lambda", allowed)
    found = client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    secrets = boto3.client(
        "secretsmanager", region_name=sandbox.region, endpoint_url=sandbox.endpoint,
        aws_access_key_id=found["AccessKeyId"], aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )  # fmt: skip
    for name in ("mine", "theirs"):
        with suppress(ClientError):
            secrets.get_secret_value(SecretId=name)
    calls = [c for c in asked(sandbox) if c.principal == "recorded"]
    assert [(c.resource.rpartition(":")[2], c.allowed) for c in calls] == [
        ("mine", True),
        ("theirs", False),
    ]


def test_making_with_tags_needs_to_tag_and_brings_the_tags(
    sandbox: Sandbox, client: Callable[..., Any]
) -> None:
    """Both actions, with aws:RequestTag (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html)."""
    asked(sandbox, "DELETE")
    client("logs").create_log_group(logGroupName="/recorded", tags={"al:project": "shop"})
    calls = {c.action: dict(c.keys) for c in asked(sandbox)}
    assert calls.keys() == {"logs:CreateLogGroup", "logs:TagResource"}
    assert calls["logs:TagResource"]["aws:requesttag/al:project"] == ("shop",)


def test_changing_a_role_brings_its_tags_and_its_boundary(
    sandbox: Sandbox, client: Callable[..., Any]
) -> None:
    """aws:ResourceTag and iam:PermissionsBoundary
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html)."""
    iam = client("iam")
    make_role(iam, "recorded-tagged", "lambda")
    policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    edge = iam.create_policy(PolicyName="recorded-edge", PolicyDocument=policy)["Policy"]["Arn"]
    iam.tag_role(RoleName="recorded-tagged", Tags=[{"Key": "al:project", "Value": "shop"}])
    iam.put_role_permissions_boundary(RoleName="recorded-tagged", PermissionsBoundary=edge)
    iam.delete_role_policy(RoleName="recorded-tagged", PolicyName="tests")
    (call,) = [c for c in asked(sandbox) if c.action == "iam:DeleteRolePolicy"]
    assert dict(call.keys)["aws:resourcetag/al:project"] == ("shop",)
    assert dict(call.keys)["iam:permissionsboundary"] == (edge,)


def test_s3_is_recorded_by_its_actions(sandbox: Sandbox, client: Callable[..., Any]) -> None:
    """HeadBucket is s3:ListBucket
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html)."""
    s3 = client("s3")
    s3.create_bucket(Bucket="recorded-bucket")
    s3.head_bucket(Bucket="recorded-bucket")
    s3.put_object(Bucket="recorded-bucket", Key="a/b", Body=b"secret words")
    calls = {
        (c.action, c.resource.rpartition(":")[2]) for c in asked(sandbox) if c.action[:3] == "s3:"
    }
    assert calls >= {
        ("s3:CreateBucket", "recorded-bucket"), ("s3:ListBucket", "recorded-bucket"),
        ("s3:PutObject", "recorded-bucket/a/b"),
    }  # fmt: skip


def test_pushing_an_image_is_recorded_by_ecr_s_actions(
    sandbox: Sandbox, image: Callable[..., str]
) -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html."""
    image("tests/recorded", {"app/main.py": "print()"})
    ours = {c.action for c in asked(sandbox) if c.resource.endswith("repository/tests/recorded")}
    assert ours >= {
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    }


def test_the_oldest_is_forgotten_first() -> None:
    """A sandbox that runs for days does not fill its memory."""
    recording = Recording(most=2)
    for number in range(4):
        recording.add("somebody", Need(action="s3:GetObject", resource=f"arn:aws:s3:::b/{number}"))
    assert [call.resource[-1] for call in recording.calls()] == ["2", "3"]


def test_what_was_recorded_can_be_judged_again() -> None:
    """An entry is a need, from JSON too."""
    need = Need(action="ecs:RunTask", resource="arn:x", keys={"ecs:cluster": ["c"]})
    recording = Recording()
    recording.add(OPERATOR, need)
    (call,) = recording.calls()
    again = Asked.from_dict(call.to_dict())
    assert (again, again.need.action, dict(again.need.keys)) == (
        call,
        need.action,
        {"ecs:cluster": ("c",)},
    )


def test_what_is_named_brings_its_tags(sandbox: Sandbox, client: Callable[..., Any]) -> None:
    """aws:ResourceTag, on which a policy can tell one environment's things from another's
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html)."""
    tags = {"al:project": "tagged"}
    listed = [{"key": "al:project", "value": "tagged"}]
    client("logs").create_log_group(logGroupName="/tagged", tags=tags)
    client("ecr").create_repository(
        repositoryName="tagged", tags=[{"Key": "al:project", "Value": "tagged"}]
    )
    client("ecs").create_cluster(clusterName="tagged", tags=listed)
    asked(sandbox, "DELETE")
    client("logs").delete_log_group(logGroupName="/tagged")
    client("ecr").delete_repository(repositoryName="tagged")
    client("ecs").delete_cluster(cluster="tagged")
    found = [dict(c.keys).get("aws:resourcetag/al:project") for c in asked(sandbox)]
    assert found == [("tagged",)] * 3


def test_what_is_gone_brings_no_tags(sandbox: Sandbox, client: Callable[..., Any]) -> None:
    """So a condition with IfExists lets the service say that there is no such thing."""
    asked(sandbox, "DELETE")
    with suppress(ClientError):
        client("logs").delete_log_group(logGroupName="/never-there")
    (call,) = asked(sandbox)
    assert "aws:resourcetag/al:project" not in dict(call.keys)


def test_stopping_a_task_brings_its_tags_once(sandbox: Sandbox, world: World) -> None:
    """StopTask takes them away: a second one is for a task without tags
    (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html)."""
    definition = world.program("import time; time.sleep(60)")
    task = world.run(definition, tags=[{"key": "al:project", "value": "tagged"}])["tasks"][0]
    asked(sandbox, "DELETE")
    for _ in range(2):
        world.client("ecs").stop_task(cluster="tests", task=task["taskArn"])
    stops = [dict(c.keys) for c in asked(sandbox) if c.action == "ecs:StopTask"]
    assert [keys.get("aws:resourcetag/al:project") for keys in stops] == [("tagged",), None]
