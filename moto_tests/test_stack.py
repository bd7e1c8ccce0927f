"""What surrounds Pulumi on a real account: the bucket of its state, and the checks before it starts.

Pulumi's engine itself is not in this room: there is no CLI where these tests run.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra import state_bucket
from infra.stack import Stack
from toolkit.clouds.aws import Clients, clients_for, cloud_of
from toolkit.core.environment import AwsCloud, Scope
from toolkit.core.errors import AlError, ConfigError, Conflict
from toolkit.core.names import Names
from toolkit.core.ports import Context

BUCKET = "al-shop-staging-pulumi-123456789012-us-east-1"


def s3(context: Context) -> Any:
    return clients(context).client("s3")


def clients(context: Context) -> Clients:
    return clients_for(cloud_of(context.environment))


def settings(context: Context, **pulumi: str) -> Context:
    return replace(context, environment=replace(context.environment, pulumi=pulumi))


def test_the_state_is_in_a_bucket_of_ours(aws_context: Context) -> None:
    """Made when it is missing, and named in the URL that Pulumi gets."""
    backend = Stack(aws_context).backend()
    assert backend == f"s3://{BUCKET}?region=us-east-1&awssdk=v2"
    assert [b["Name"] for b in s3(aws_context).list_buckets()["Buckets"]] == [BUCKET]


def test_the_bucket_is_private_versioned_and_tagged(aws_context: Context) -> None:
    """A damaged state can be brought back, and nobody else reads it
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html)."""
    state_bucket.ensure(clients(aws_context), aws_context.names)
    closed = s3(aws_context).get_public_access_block(Bucket=BUCKET)
    assert set(closed["PublicAccessBlockConfiguration"].values()) == {True}
    assert s3(aws_context).get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    tags = s3(aws_context).get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    assert {t["Key"]: t["Value"] for t in tags} == aws_context.names.tags()


def test_asking_again_changes_nothing(
    aws_context: Context, counted: Callable[[Clients], list[str]]
) -> None:
    """A push reads twice and writes nothing."""
    state_bucket.ensure(clients(aws_context), aws_context.names)
    calls = counted(clients(aws_context))
    state_bucket.ensure(clients(aws_context), aws_context.names)
    assert calls == ["s3.HeadBucket", "s3.GetBucketTagging"]


def test_a_bucket_that_was_left_half_made_is_finished(aws_context: Context) -> None:
    """Tags come last, so one without them is protected again."""
    s3(aws_context).create_bucket(Bucket=BUCKET)
    state_bucket.ensure(clients(aws_context), aws_context.names)
    assert s3(aws_context).get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"


def test_another_projects_bucket_is_refused(aws_context: Context) -> None:
    """`shop-staging` has no business in the state of somebody else."""
    other = Names(Scope(project="shop-staging", environment="x")).tags()
    s3(aws_context).create_bucket(Bucket=BUCKET)
    s3(aws_context).put_bucket_tagging(
        Bucket=BUCKET, Tagging={"TagSet": [{"Key": k, "Value": v} for k, v in other.items()]}
    )
    with pytest.raises(Conflict, match=BUCKET):
        state_bucket.ensure(clients(aws_context), aws_context.names)


def test_outside_us_east_1_the_bucket_is_made_in_its_region(aws_cloud: AwsCloud) -> None:
    """S3 wants a location for every other region
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html)."""
    frankfurt = clients_for(replace(aws_cloud, region="eu-central-1"))
    name = state_bucket.ensure(frankfurt, Names(Scope(project="shop", environment="staging")))
    place = frankfurt.client("s3").get_bucket_location(Bucket=name)
    assert place["LocationConstraint"] == "eu-central-1"


@pytest.mark.parametrize(("project", "env"), [("x" * 64, "y" * 64), ("My_Shop.2", "Prod_1")])
def test_a_buckets_name_is_what_s3_takes(aws_cloud: AwsCloud, project: str, env: str) -> None:
    """3 to 63 lower-case letters, digits and hyphens
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html)."""
    name = state_bucket.name(Names(Scope(project=project, environment=env)), aws_cloud)
    assert len(name) <= 63
    assert name.replace("-", "").isalnum()
    assert name == name.lower()


def test_a_backend_of_the_users_is_taken_as_it_is(aws_context: Context) -> None:
    """And no bucket is made."""
    chosen = settings(aws_context, backend="s3://team-state/al")
    assert Stack(chosen).backend() == "s3://team-state/al"
    assert s3(aws_context).list_buckets()["Buckets"] == []


def test_a_directory_is_used_only_on_request(aws_context: Context, tmp_path: Path) -> None:
    """Named in the environment's file, relative to the project, and present."""
    state = tmp_path / "project" / "state"
    state.mkdir(parents=True)
    assert Stack(settings(aws_context, backend="state")).backend() == state.resolve().as_uri()


def test_a_missing_directory_is_an_error(aws_context: Context) -> None:
    """It may be a typing mistake: state is not scattered."""
    with pytest.raises(AlError, match="not a directory"):
        Stack(settings(aws_context, backend="stat")).backend()


def test_without_a_cli_nothing_is_made(
    aws_context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The check comes before the bucket."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AlError, match="no Pulumi CLI"):
        Stack(aws_context).apply((), progress=lambda _: None)
    assert s3(aws_context).list_buckets()["Buckets"] == []


def test_a_preview_makes_no_bucket(aws_context: Context, tmp_path: Path) -> None:
    """A dry run changes nothing, not even where the state would be."""
    chosen = settings(aws_context, root=failing(tmp_path))
    with pytest.raises(AlError):
        Stack(chosen).preview(())
    assert s3(aws_context).list_buckets()["Buckets"] == []


def test_another_accounts_credentials_are_refused(aws_context: Context, tmp_path: Path) -> None:
    """Before anything is made: a profile that was left set is a common mistake."""
    elsewhere = replace(cloud_of(aws_context.environment), account="210987654321")
    context = settings(aws_context, root=failing(tmp_path))
    context = replace(context, environment=replace(context.environment, cloud=elsewhere))
    with pytest.raises(ConfigError, match=r"123456789012.*210987654321"):
        Stack(context).apply((), progress=lambda _: None)


def failing(root: Path) -> str:
    """A CLI in `root` that tells its version and fails at all else."""
    program = root / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo v3.200.0 && exit 0\n'
        "echo 'error: no credentials for the backend' >&2\nexit 255\n"
    )
    program.chmod(0o755)
    return str(root)


def test_what_pulumi_says_when_it_fails_is_told(aws_context: Context, tmp_path: Path) -> None:
    """The last of what it printed, as an error of ours."""
    with pytest.raises(AlError, match="no credentials for the backend") as error:
        Stack(settings(aws_context, root=failing(tmp_path))).preview(())
    assert error.value.message.startswith("previewing the infrastructure")
