"""Where Pulumi's state is kept on AWS: the bucket that `al` makes, or what the user names."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from infra import state_bucket
from infra.provider_aws import AwsProvider
from infra.state import State
from toolkit.clouds.aws import Clients, clients_for, cloud_of
from toolkit.core.environment import AwsCloud, Scope
from toolkit.core.errors import AccessDenied, Conflict
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
    backend = State(aws_context, None, AwsProvider(aws_context)).made()
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


def test_old_versions_of_the_state_go_after_a_while(aws_context: Context) -> None:
    """Every push writes a new one; the present one and a quarter's worth of earlier ones are kept
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html)."""
    state_bucket.ensure(clients(aws_context), aws_context.names)
    (rule,) = s3(aws_context).get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert rule["Status"] == "Enabled"
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": state_bucket.KEPT}
    assert "Days" not in rule.get("Expiration", {})


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


@pytest.mark.parametrize("chosen", ["s3://team-state/al", "gs://team", "azblob://states"])
def test_a_backend_of_the_users_is_taken_as_it_is(aws_context: Context, chosen: str) -> None:
    """And no bucket is made."""
    context = settings(aws_context, backend=chosen)
    assert State(context, None, AwsProvider(context)).made() == chosen
    assert s3(aws_context).list_buckets()["Buckets"] == []


def test_a_directory_is_used_only_on_request(aws_context: Context, tmp_path: Path) -> None:
    """Named in the environment's file, relative to the project, and present."""
    place = tmp_path / "project" / "state"
    place.mkdir(parents=True)
    context = settings(aws_context, backend="state")
    state = State(context, None, AwsProvider(context))
    assert state.made() == place.resolve().as_uri()


def test_where_no_bucket_can_be_made_there_is_no_state(
    aws_context: Context, refusing: str, tmp_path: Path
) -> None:
    """Nothing falls back to a directory, headless or not: a state on a CI machine is gone with it."""
    cloud = replace(cloud_of(aws_context.environment), endpoint=refusing)
    context = replace(aws_context, environment=replace(aws_context.environment, cloud=cloud))
    with pytest.raises(AccessDenied):
        State(context, None, AwsProvider(context)).made()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


class Refusing(BaseHTTPRequestHandler):
    """An S3 that allows nothing but to be told that there is no such bucket."""

    def do_HEAD(self) -> None:
        self.send_response(404)
        self.end_headers()

    def do_PUT(self) -> None:
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def refusing(aws_endpoint: str) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
